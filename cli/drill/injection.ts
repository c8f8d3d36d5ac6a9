/**
 * The faults of a running drill: what is broken now, and how it is mended.
 *
 * Promises: what was injected, also in part, is lifted by {@link Injection.lift}; what cannot be lifted is told.
 */
import type { Clock } from '#core/clock.ts';
import { codeOf, describeError, IsthmusError } from '#core/errors.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient } from '#kube/client.ts';
import type { DrillFault, FailoverDrill } from '#kube/resources/failover-drill.ts';
import { statusOf } from '#kube/status.ts';
import { telling } from '../waiting.ts';
import type { FaultTimes } from './failover.ts';
import { type FaultCalls, faultCalls } from './faults.ts';
import { watchReady } from './watch-ready.ts';

export interface InjectionContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** An administrator's client of `cluster`. Throws for an unknown one. */
  client(cluster: string): KubeClient;
  /** Lifting `fault` takes long, and an interruption does not end that. */
  onLongLift(fault: DrillFault): void;
}

/** What is known of a fault before its step has ended. */
type InjectedFault = { -readonly [Key in Exclude<keyof FaultTimes, 'endMs'>]: FaultTimes[Key] };

export class Injection {
  readonly #drill: FailoverDrill;
  readonly #context: InjectionContext;
  readonly #injected: InjectedFault[] = [];
  readonly #watching = new AbortController();
  #lift: (() => Promise<void>) | undefined;
  #unliftable: { readonly fault: DrillFault; readonly untilMs: number } | undefined;

  constructor(drill: FailoverDrill, context: InjectionContext) {
    this.#drill = drill;
    this.#context = context;
  }

  /** Every fault so far, in the order of the steps. */
  get injected(): readonly Readonly<InjectedFault>[] {
    return this.#injected;
  }

  /** The last fault that nobody can lift, while it lasts: it ends by itself. */
  get unliftable(): { readonly fault: DrillFault; readonly leftMs: number } | undefined {
    if (this.#unliftable === undefined) return undefined;
    const { fault, untilMs } = this.#unliftable;
    const leftMs = untilMs - this.#context.clock.monotonicMs();
    return leftMs > 0 ? { fault, leftMs } : undefined;
  }

  /** Does what the faults of all steps want done before there is load. Throws as {@link inject} does. */
  async prepare(): Promise<void> {
    for (const [index, { fault, seconds }] of this.#drill.spec.steps.entries()) {
      for (const { cluster, prepare: call } of fault ? faultCalls(fault, seconds) : [])
        if (call) await this.#break(cluster, call, index);
    }
  }

  /**
   * Breaks what `fault` of step `index` says; resolves when that is in force. Throws `INVALID_FILE` where nobody knows of
   * faults, and `EXPECTATION_FAILED` where it hits nothing.
   */
  async inject(fault: DrillFault, index: number): Promise<void> {
    const { clock, client: clientOf } = this.#context;
    const { target, steps } = this.#drill.spec;
    const takesPods = fault.type === 'destroyPods' && fault.cluster === target.cluster;
    const times: InjectedFault = { step: index, faultMs: 0, takesPods, localReadyMs: undefined };
    const lifts: (() => Promise<unknown>)[] = [];
    let lifted = false;
    if (takesPods) {
      const { signal } = this.#watching;
      await watchReady(fault, clientOf(fault.cluster), this.#context, signal, () => {
        // Slices still name the destroyed pods for a while: ready counts only once the fault is lifted.
        if (lifted) times.localReadyMs ??= clock.monotonicMs();
      });
    }
    times.faultMs = clock.monotonicMs();
    this.#injected.push(times);
    this.#lift = async () => {
      lifted = true;
      const lifting = Promise.allSettled(lifts.map((each) => each()));
      const ends = await telling(clock, () => this.#context.onLongLift(fault), lifting);
      for (const end of ends) if (end.status === 'rejected') throw stillBroken(fault, end.reason);
    };
    let hits: number | undefined;
    const seconds = steps[index]?.seconds ?? 1;
    for (const calls of faultCalls(fault, seconds)) {
      const answer = await this.#break(calls.cluster, calls.inject, index);
      const lift = calls.lift(answer);
      if (lift) lifts.push(() => clientOf(calls.cluster).post(lift.path, lift.body));
      else this.#unliftable = { fault, untilMs: clock.monotonicMs() + seconds * 1_000 };
      if (calls.hits !== undefined) hits = hitCount(answer, calls.hits);
    }
    if (hits === 0) throw hitNothing(fault, index);
  }

  /** Mends what is broken now, if anything is. Throws when that may still be in force. */
  async lift(): Promise<void> {
    const lift = this.#lift;
    this.#lift = undefined;
    await lift?.();
  }

  /** Nobody looks any more whether pods are back. */
  close(): void {
    this.#watching.abort();
  }

  async #break(
    cluster: string,
    { path, body }: FaultCalls['inject'],
    index: number,
  ): Promise<unknown> {
    try {
      return await this.#context.client(cluster).post(path, body);
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      const message = `${cluster} cannot be broken on demand: only embedded clusters can`;
      throw new IsthmusError('INVALID_FILE', message, {
        field: `spec.steps[${index}].fault`,
        next: 'Let the drill have clusters of its own: isthmus drill FILE --dev.',
        cause: error,
      });
    }
  }
}

function hitNothing(fault: DrillFault, index: number): IsthmusError {
  const { type, cluster } = fault;
  const what =
    type === 'destroyPods'
      ? `pod of ${cluster} matches ${fault.selector} in ${fault.namespace}`
      : `component of ${cluster} is hit by ${type}`;
  return new IsthmusError('EXPECTATION_FAILED', `no ${what}`, {
    field: `spec.steps[${index}].fault.${type === 'destroyPods' ? 'selector' : 'component'}`,
    next: 'Check the selector: kubectl get pods -n NAMESPACE --show-labels.',
  });
}

function stillBroken({ type, cluster }: DrillFault, cause: unknown): IsthmusError {
  const message = `${type} of ${cluster} could not be lifted and may still be in force: ${describeError(cause)}`;
  return new IsthmusError(codeOf(cause), message, {
    cause,
    next: `Check that the API server of ${cluster} answers, and run the drill again: its end lifts the fault.`,
  });
}

function hitCount(answer: unknown, field: string): number {
  const value: unknown =
    typeof answer === 'object' && answer !== null ? Reflect.get(answer, field) : undefined;
  return Array.isArray(value) ? value.length : 0;
}
