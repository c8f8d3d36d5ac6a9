/**
 * Figures of the seed bench, from what each request got. pure
 */
import { percentile, rounded } from '#core/figures.ts';
import type { ExperimentName, PolicyName } from './experiment.ts';
import type { SeedSample } from './load.ts';

/** One policy in one experiment; latencies are to the first byte of answers below 500. */
export interface SeedFigures {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Requests answered a second, whatever the answer. */
  readonly rps: number;
  /** 0 to 1. */
  readonly successRate: number;
}

/** What a run of the seed bench is. */
export type SeedResult = Readonly<
  Record<ExperimentName, Readonly<Record<PolicyName, SeedFigures>>>
>;

/** Latency of one policy over time, for the picture. */
export interface SeedSecond {
  readonly second: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Figures of the requests that were due from `warmMs` on. */
export function seedFigures(
  samples: readonly SeedSample[],
  warmMs: number,
  totalMs: number,
): SeedFigures {
  const counted = samples.filter(([dueMs]) => dueMs >= warmMs && dueMs < totalMs);
  const ok = latenciesOf(counted);
  return {
    p50Ms: rounded(percentile(ok, 0.5) ?? 0, 1),
    p95Ms: rounded(percentile(ok, 0.95) ?? 0, 1),
    p99Ms: rounded(percentile(ok, 0.99) ?? 0, 1),
    rps: rounded((counted.length * 1_000) / (totalMs - warmMs), 1),
    successRate: rounded(counted.length === 0 ? 0 : ok.length / counted.length, 4),
  };
}

/** Second by second, the warm-up included. */
export function seedSeconds(samples: readonly SeedSample[], totalMs: number): SeedSecond[] {
  return Array.from({ length: Math.floor(totalMs / 1_000) }, (_, second) => {
    const ok = latenciesOf(samples.filter(([dueMs]) => Math.floor(dueMs / 1_000) === second));
    return {
      second,
      p50Ms: rounded(percentile(ok, 0.5) ?? 0, 1),
      p99Ms: rounded(percentile(ok, 0.99) ?? 0, 1),
    };
  });
}

function latenciesOf(samples: readonly SeedSample[]): number[] {
  return samples.flatMap(([, latencyMs, ok]) => (ok ? [latencyMs] : [])).sort((a, b) => a - b);
}
