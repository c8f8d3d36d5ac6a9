/**
 * Waiting until every component of a cluster is ready: who waits is told for what, and at once where it is in vain.
 */
import { join } from 'node:path';
import { type Clock, sleep } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import type { Kubelet } from '../kubelet/kubelet.ts';
import { LEFTOVER_WAIT_MS } from './blocks.ts';
import { failureIn, logLines } from './child-log.ts';

/** How long components may take to be ready. */
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 20;
/** Logs are looked into once in so many looks at the pods. */
const LOOKS_BEFORE_LOGS = 25;
/** People who wait longer than this are told for what. */
const PATIENCE_MS = 2_000;

export interface ReadinessOptions {
  /** Of the cluster. */
  readonly name: string;
  readonly kubelet: Pick<Kubelet, 'running' | 'unready'>;
  /** How many pods have to be ready. */
  readonly wanted: number;
  /** Folder of the components' logs. */
  readonly logs: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  onWait?(text: string): void;
}

/** Resolves when all are ready. Throws `TIMED_OUT`, or `ADDRESS_IN_USE` where that is why one is not. */
export async function componentsReady(options: ReadinessOptions): Promise<void> {
  const { name, kubelet, wanted, logs, clock, signal } = options;
  const startMs = clock.monotonicMs();
  let told = '';
  let takenSinceMs: number | undefined;
  for (let look = 1; ; look += 1) {
    const ready = kubelet.running().filter((each) => each.ready).length;
    if (ready >= wanted) return;
    const nowMs = clock.monotonicMs();
    const count = `${ready} of ${wanted} pods are ready`;
    if (nowMs - startMs > READY_TIMEOUT_MS) {
      const reasons = kubelet.unready().join('; ') || count;
      throw new IsthmusError('TIMED_OUT', `Cluster ${name} is not ready: ${reasons}`, {
        next: `See the logs in ${logs}.`,
      });
    }
    if (look % LOOKS_BEFORE_LOGS === 0) {
      const taken = addressInUse(options);
      takenSinceMs = taken ? (takenSinceMs ?? nowMs) : undefined;
      // What a killed run left goes by itself, and the component tries again.
      if (taken && nowMs - (takenSinceMs ?? nowMs) > LEFTOVER_WAIT_MS) throw taken;
    }
    if (nowMs - startMs > PATIENCE_MS && count !== told) {
      told = count;
      options.onWait?.(`still waiting for ${name}: ${count}`);
    }
    await sleep(clock, READY_POLL_MS, signal);
  }
}

/** What the log of a component that is not ready says of an address that is taken. */
function addressInUse({ name, kubelet, logs }: ReadinessOptions): IsthmusError | undefined {
  for (const { pod, ready } of kubelet.running()) {
    if (ready) continue;
    const failure = logLines(join(logs, `${pod}.log`))
      .map(failureIn)
      .findLast((each) => each.code === 'ADDRESS_IN_USE');
    if (!failure) continue;
    return new IsthmusError('ADDRESS_IN_USE', `${pod} of ${name} ${failure.message}`, {
      field: failure.field,
    });
  }
  return undefined;
}
