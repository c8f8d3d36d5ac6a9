/**
 * Running a drill: load, steps, faults, and what was seen.
 *
 * Promises: a fault that was injected is lifted again, whatever ends the drill; what cannot be lifted is told.
 */
import { type Clock, sleep } from '#core/clock.ts';
import { codeOf, describeError, IsthmusError } from '#core/errors.ts';
import type { Address } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient } from '#kube/client.ts';
import type { DrillFault, DrillStep, FailoverDrill } from '#kube/resources/failover-drill.ts';
import { statusOf } from '#kube/status.ts';
import { tellingWhatWasDone } from '../interruption.ts';
import { telling } from '../waiting.ts';
import type { FaultTimes } from './failover.ts';
import { type FaultCalls, faultCalls } from './faults.ts';
import { Load } from './load.ts';
import { type DrillReport, drillReport, type RequestRecord } from './report.ts';
import { watchReady } from './watch-ready.ts';

/** What a drill runs with. */
export interface DrillContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Where the target's Service address really is. */
  readonly address: Address;
  /** An administrator's client of `cluster`. Throws for an unknown one. */
  client(cluster: string): KubeClient;
  /** A step begins. */
  onStep(step: DrillStep, index: number): void;
  /** Lifting `fault` takes long, and an interruption does not end that. */
  onLongLift(fault: DrillFault): void;
}

const WARM_UP_MS = 2_000;

/**
 * Runs `drill` to its end. Rejects when a fault cannot be injected or the signal aborts; an interruption then says how
 * far it came and what is still in force.
 */
export async function runDrill(drill: FailoverDrill, context: DrillContext): Promise<DrillReport> {
  const state: DrillState = {
    at: 'before the first step',
    faults: [],
    lift: undefined,
    unliftable: undefined,
  };
  return tellingWhatWasDone(play(drill, context, state), () => doneText(state, context.clock));
}

async function play(
  drill: FailoverDrill,
  context: DrillContext,
  state: DrillState,
): Promise<DrillReport> {
  const { clock, signal } = context;
  const { target, load: shape, steps } = drill.spec;
  const records: RequestRecord[] = [];
  const boundariesMs: number[] = [];
  let ended = false;
  const watching = new AbortController();
  await prepare(steps, context);
  const load = new Load({
    clock,
    address: () => context.address,
    path: target.path,
    authority: `${target.service}.${target.namespace}.svc:${target.port}`,
    requestsPerSecond: shape.requestsPerSecond,
    timeoutMs: shape.timeoutMs,
    onRecord: (record) => records.push(record),
  });
  try {
    // Cold processes say nothing about failover: requests before the first step are not counted.
    await sleep(clock, WARM_UP_MS, signal);
    for (const [index, step] of steps.entries()) {
      await state.lift?.();
      state.at = `in step ${index + 1}/${steps.length} "${step.name}"`;
      context.onStep(step, index);
      // A step with a fault begins when the fault is in force: what started before belongs before.
      if (step.fault) await inject(step.fault, index, drill, context, state, watching.signal);
      boundariesMs.push(clock.monotonicMs());
      await sleep(clock, step.seconds * 1_000, signal);
    }
    boundariesMs.push(clock.monotonicMs());
    ended = true;
  } finally {
    // Answers that nobody will count are not waited for: what was broken is mended first.
    if (ended) await load.stop();
    else load.abort();
    await state.lift?.();
    watching.abort();
  }
  const firstMs = boundariesMs[0] ?? 0;
  const counted = records.filter((each) => each.startMs >= firstMs);
  const faults = state.faults.map((each) => ({
    ...each,
    endMs: boundariesMs[each.step + 1] ?? clock.monotonicMs(),
  }));
  return drillReport(drill, counted, { boundariesMs, faults });
}

/** What is known of a fault before its step has ended. */
type InjectedFault = { -readonly [Key in Exclude<keyof FaultTimes, 'endMs'>]: FaultTimes[Key] };

interface DrillState {
  /** How far it came, for people. */
  at: string;
  readonly faults: InjectedFault[];
  lift: (() => Promise<void>) | undefined;
  /** The last fault that nobody can lift: it ends by itself. */
  unliftable: { readonly fault: DrillFault; readonly untilMs: number } | undefined;
}

/** What an interrupted drill leaves behind. */
function doneText({ at, faults, unliftable }: DrillState, clock: Clock): string {
  const leftMs = unliftable === undefined ? 0 : unliftable.untilMs - clock.monotonicMs();
  if (unliftable !== undefined && leftMs > 0) {
    const { type, cluster } = unliftable.fault;
    const seconds = Math.ceil(leftMs / 1_000);
    return `${at}; ${type} of ${cluster} cannot be lifted and lasts for another ${seconds} s`;
  }
  return `${at}; ${faults.length === 0 ? 'nothing had been broken' : 'every fault was lifted'}`;
}

async function inject(
  fault: DrillFault,
  index: number,
  drill: FailoverDrill,
  context: DrillContext,
  state: DrillState,
  signal: AbortSignal,
): Promise<void> {
  const { cluster } = fault;
  const client = context.client(cluster);
  let lifted = false;
  const takesPods = fault.type === 'destroyPods' && cluster === drill.spec.target.cluster;
  const times: InjectedFault = { step: index, faultMs: 0, takesPods, localReadyMs: undefined };
  if (takesPods) {
    await watchReady(fault, client, context, signal, () => {
      // Slices still name the destroyed pods for a while: ready counts only once the fault is lifted.
      if (lifted) times.localReadyMs ??= context.clock.monotonicMs();
    });
  }
  const injected: (() => Promise<unknown>)[] = [];
  times.faultMs = context.clock.monotonicMs();
  state.faults.push(times);
  state.lift = async () => {
    state.lift = undefined;
    lifted = true;
    const lifting = Promise.allSettled(injected.splice(0).map((each) => each()));
    const ends = await telling(context.clock, () => context.onLongLift(fault), lifting);
    for (const end of ends) if (end.status === 'rejected') throw stillBroken(fault, end.reason);
  };
  let hits: number | undefined;
  const seconds = drill.spec.steps[index]?.seconds ?? 1;
  for (const calls of faultCalls(fault, seconds)) {
    const asked = context.client(calls.cluster);
    const answer = await breakWith(asked, calls.inject, calls.cluster, index);
    const lift = calls.lift(answer);
    if (lift) injected.push(() => asked.post(lift.path, lift.body));
    else state.unliftable = { fault, untilMs: context.clock.monotonicMs() + seconds * 1_000 };
    if (calls.hits !== undefined) hits = hitCount(answer, calls.hits);
  }
  if (hits === 0) {
    const what =
      fault.type === 'destroyPods'
        ? `pod of ${cluster} matches ${fault.selector} in ${fault.namespace}`
        : `component of ${cluster} is hit by ${fault.type}`;
    throw new IsthmusError('EXPECTATION_FAILED', `no ${what}`, {
      field: `spec.steps[${index}].fault.${fault.type === 'destroyPods' ? 'selector' : 'component'}`,
      next: 'Check the selector: kubectl get pods -n NAMESPACE --show-labels.',
    });
  }
}

/** Asks for a fault of step `index`, or for what prepares it. Throws `INVALID_FILE` where nobody knows of faults. */
async function breakWith(
  client: KubeClient,
  { path, body }: FaultCalls['inject'],
  cluster: string,
  index: number,
): Promise<unknown> {
  try {
    return await client.post(path, body);
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

function stillBroken({ type, cluster }: DrillFault, cause: unknown): IsthmusError {
  const message = `${type} of ${cluster} could not be lifted and may still be in force: ${describeError(cause)}`;
  return new IsthmusError(codeOf(cause), message, {
    cause,
    next: `Check that the API server of ${cluster} answers, and run the drill again: its end lifts the fault.`,
  });
}

/** Does what faults of `steps` want done before there is load. */
async function prepare(steps: readonly DrillStep[], context: DrillContext): Promise<void> {
  for (const [index, { fault, seconds }] of steps.entries()) {
    for (const { cluster, prepare: call } of fault ? faultCalls(fault, seconds) : [])
      if (call) await breakWith(context.client(cluster), call, cluster, index);
  }
}

function hitCount(answer: unknown, field: string): number {
  const value: unknown =
    typeof answer === 'object' && answer !== null ? Reflect.get(answer, field) : undefined;
  return Array.isArray(value) ? value.length : 0;
}
