/**
 * What the last seconds of traffic were like. pure
 */
import { percentile, rounded } from '#core/figures.ts';
import type { RequestRecord } from '../drill/record.ts';

const WINDOW_MS = 10_000;

export interface TrafficStatistics {
  readonly requestsPerSecond: number;
  /** 0 to 1; `null` without requests. */
  readonly successRate: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly shares: readonly (readonly [cluster: string, share: number])[];
}

/** A sliding window over the requests that ended in the last ten seconds. */
export class TrafficWindow {
  #records: RequestRecord[] = [];
  #total = 0;
  #failed = 0;

  add(record: RequestRecord): void {
    this.#records.push(record);
    this.#total += 1;
    if (record.failure !== undefined) this.#failed += 1;
  }

  /** Since the beginning. */
  get total(): number {
    return this.#total;
  }

  get failed(): number {
    return this.#failed;
  }

  statistics(nowMs: number): TrafficStatistics {
    this.#records = this.#records.filter((each) => each.endMs > nowMs - WINDOW_MS);
    const records = this.#records;
    const oldestMs = records[0]?.endMs ?? nowMs;
    const spanMs = Math.max(1_000, Math.min(WINDOW_MS, nowMs - oldestMs));
    const answered = records.filter((each) => each.cluster !== undefined);
    const latencies = answered.map((each) => each.endMs - each.startMs).sort((a, b) => a - b);
    const counts = new Map<string, number>();
    for (const { cluster } of answered) {
      if (cluster !== undefined) counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
    }
    return {
      requestsPerSecond: Math.round(records.length / (spanMs / 1_000)),
      successRate: records.length === 0 ? null : answered.length / records.length,
      p50Ms: rounded(percentile(latencies, 0.5), 2),
      p99Ms: rounded(percentile(latencies, 0.99), 2),
      shares: [...counts].sort().map(([name, count]) => [name, count / answered.length] as const),
    };
  }
}
