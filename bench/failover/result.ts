/**
 * Figures of the failover bench, from what each request got. pure
 */
import { percentile, rounded } from '#core/figures.ts';
import type { FailoverSample } from './load.ts';
import { type ScenarioName, type SystemName, TIMES } from './scenarios.ts';

/** What a client saw of one scenario through one system. */
export interface FailoverFigures {
  /**
   * Requests without an answer of 200, from before the fault until the end; those left out whose connection went to
   * the gateway that was killed.
   */
  readonly failed: number;
  /** While the fault lasts. */
  readonly p99Ms: number;
  /** From the fault on. */
  readonly worstMs: number;
  /** From the fault until requests are answered as before: no failure, none above {@link WELL_MS}. */
  readonly recoveredMs: number;
  /** From the fault's end until the local cluster answers 95 % of requests again; null where it never does. */
  readonly homeMs: number | null;
  /** Requests sent home beyond what the pods that came back could hold. */
  readonly homeEarly: number;
}

/** A run; null for what a system cannot do. */
export type FailoverResult = Readonly<
  Record<ScenarioName, Readonly<Record<SystemName, FailoverFigures | null>>>
>;

const WELL_MS = 150;
const HOME_SHARE = 0.95;
/** What a share is of. */
export const BUCKET_MS = 500;

/**
 * The figures of one scenario; `home` is the local cluster. `killed`: the gateway whose connections nobody can save,
 * by host.
 */
export function failoverFigures(
  samples: readonly FailoverSample[],
  home: string,
  homeEarly: number,
  killed?: string,
): FailoverFigures {
  const counted = samples.filter(([dueMs]) => dueMs >= TIMES.countedMs);
  const during = counted.filter(([dueMs]) => dueMs >= TIMES.faultMs && dueMs < TIMES.healMs);
  const since = counted.filter(([dueMs]) => dueMs >= TIMES.faultMs);
  const bad = during.filter(([, latencyMs, by]) => by === '' || latencyMs > WELL_MS);
  const latencies = during.map(([, latencyMs]) => latencyMs).sort((a, b) => a - b);
  const lastBadMs = Math.max(TIMES.faultMs, ...bad.map(([dueMs, latencyMs]) => dueMs + latencyMs));
  return {
    failed: counted.filter(([, , by, host]) => by === '' && host !== killed).length,
    p99Ms: rounded(percentile(latencies, 0.99) ?? 0, 1),
    worstMs: rounded(Math.max(0, ...since.map(([, latencyMs]) => latencyMs)), 1),
    recoveredMs: rounded(lastBadMs - TIMES.faultMs, 1),
    homeMs: homeMs(counted, home),
    homeEarly,
  };
}

/** Failures on connections to the gateway at `host`: on those it held, and on those opened to it when it was gone. */
export function lostWith(samples: readonly FailoverSample[], host: string) {
  const lost = samples.filter(([, , by, of]) => by === '' && of === host);
  const opened = lost.filter(([, , , , first]) => first).length;
  return { held: lost.length - opened, opened };
}

/** The local share of every half second, from the first on, to the last of `samples`; for the picture. */
export function localShares(samples: readonly FailoverSample[], home: string): number[] {
  return Array.from({ length: buckets(samples) }, (_, at) => shareIn(samples, home, at));
}

function buckets(samples: readonly FailoverSample[]): number {
  const lastMs = samples.reduce((latest, [dueMs]) => Math.max(latest, dueMs), 0);
  return Math.ceil(lastMs / BUCKET_MS);
}

function homeMs(samples: readonly FailoverSample[], home: string): number | null {
  const last = buckets(samples) - 1;
  for (let at = TIMES.healMs / BUCKET_MS; at < last; at += 1) {
    // One lucky bucket is not home yet.
    if (shareIn(samples, home, at) < HOME_SHARE || shareIn(samples, home, at + 1) < HOME_SHARE)
      continue;
    return at * BUCKET_MS - TIMES.healMs;
  }
  return null;
}

function shareIn(samples: readonly FailoverSample[], home: string, bucket: number): number {
  const inside = samples.filter(([dueMs]) => Math.floor(dueMs / BUCKET_MS) === bucket);
  return inside.length === 0 ? 0 : inside.filter(([, , by]) => by === home).length / inside.length;
}
