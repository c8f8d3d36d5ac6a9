/**
 * What clients of a simulation saw, by the time they asked.
 */

/** One finished request. */
export interface Seen {
  readonly atMs: number;
  readonly latencyMs: number;
  readonly ok: boolean;
  /** `local`, or the cluster that answered; `undefined` when nobody did. */
  by: string | undefined;
  attempts: number;
  hedges: number;
}

/** Figures of a span of time. */
export interface Figures {
  readonly requests: number;
  readonly rps: number;
  readonly success: number;
  readonly remoteShare: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly worstMs: number;
  /** Attempts beyond the first, and hedges, for each request. */
  readonly repeated: number;
  readonly hedged: number;
}

export class Tally {
  readonly seen: Seen[] = [];

  add(seen: Seen): void {
    this.seen.push(seen);
  }

  /** Of requests that were made from `fromMs` on and before `toMs`. */
  between(fromMs: number, toMs: number): Figures {
    const seen = this.seen.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    const latencies = seen
      .filter(({ ok }) => ok)
      .map(({ latencyMs }) => latencyMs)
      .sort((a, b) => a - b);
    const at = (share: number) =>
      latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? Number.NaN;
    const remote = seen.filter(({ by }) => by !== undefined && by !== 'local').length;
    return {
      requests: seen.length,
      rps: (seen.length * 1_000) / (toMs - fromMs),
      success: seen.length === 0 ? 1 : latencies.length / seen.length,
      remoteShare: seen.length === 0 ? 0 : remote / seen.length,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
      p999Ms: at(0.999),
      worstMs: latencies.at(-1) ?? Number.NaN,
      repeated: mean(seen.map(({ attempts, hedges }) => attempts - 1 - hedges)),
      hedged: mean(seen.map(({ hedges }) => hedges)),
    };
  }
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}
