/**
 * Running a drill: load, steps, faults, and what was seen.
 *
 * Promises: a fault that was injected is lifted again, whatever ends the drill; what cannot be lifted is told.
 */
import { sleep } from '#core/clock.ts';
import type { Address } from '#core/network.ts';
import type { DrillStep, FailoverDrill } from '#kube/resources/failover-drill.ts';
import { tellingWhatWasDone } from '../interruption.ts';
import { Injection, type InjectionContext } from './injection.ts';
import { Load } from './load.ts';
import type { RequestRecord } from './record.ts';
import { type DrillReport, drillReport } from './report.ts';

/** What a drill runs with. */
export interface DrillContext extends InjectionContext {
  /** Where the target's Service address really is. */
  readonly address: Address;
  /** A step begins. */
  onStep(step: DrillStep, index: number): void;
}

const WARM_UP_MS = 2_000;

interface Progress {
  /** How far it came, for people. */
  at: string;
}

/**
 * Runs `drill` to its end. Rejects when a fault cannot be injected or the signal aborts; an interruption then says how
 * far it came and what is still in force.
 */
export async function runDrill(drill: FailoverDrill, context: DrillContext): Promise<DrillReport> {
  const progress: Progress = { at: 'before the first step' };
  const injection = new Injection(drill, context);
  const playing = play(drill, context, injection, progress);
  return tellingWhatWasDone(playing, () => `${progress.at}; ${doneText(injection)}`);
}

async function play(
  drill: FailoverDrill,
  context: DrillContext,
  injection: Injection,
  progress: Progress,
): Promise<DrillReport> {
  const { clock, signal } = context;
  const { target, load: shape, steps } = drill.spec;
  const records: RequestRecord[] = [];
  const boundariesMs: number[] = [];
  let ended = false;
  await injection.prepare();
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
      await injection.lift();
      progress.at = `in step ${index + 1}/${steps.length} "${step.name}"`;
      context.onStep(step, index);
      // A step with a fault begins when the fault is in force: what started before belongs before.
      if (step.fault) await injection.inject(step.fault, index);
      boundariesMs.push(clock.monotonicMs());
      await sleep(clock, step.seconds * 1_000, signal);
    }
    boundariesMs.push(clock.monotonicMs());
    ended = true;
  } finally {
    // Answers that nobody will count are not waited for: what was broken is mended first.
    if (ended) await load.stop();
    else load.abort();
    await injection.lift().finally(() => injection.close());
  }
  const firstMs = boundariesMs[0] ?? 0;
  const counted = records.filter((each) => each.startMs >= firstMs);
  const faults = injection.injected.map((each) => ({
    ...each,
    endMs: boundariesMs[each.step + 1] ?? clock.monotonicMs(),
  }));
  return drillReport(drill, counted, { boundariesMs, faults });
}

/** What an interrupted drill leaves behind. */
function doneText({ injected, unliftable }: Injection): string {
  if (unliftable !== undefined) {
    const { type, cluster } = unliftable.fault;
    const seconds = Math.ceil(unliftable.leftMs / 1_000);
    return `${type} of ${cluster} cannot be lifted and lasts for another ${seconds} s`;
  }
  return injected.length === 0 ? 'nothing had been broken' : 'every fault was lifted';
}
