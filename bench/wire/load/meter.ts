/**
 * Counts what a load does between two readings of the pair's CPU time.
 */
import { percentile } from '#core/figures.ts';
import type { Address } from '#core/network.ts';
import { cpuMs } from '../../kit/cpu.ts';

/** What a load measured. `cpuMs` is the pair's, over the interval in which `count` and `bytes` grew. */
export interface LoadResult {
  readonly count: number;
  readonly bytes: number;
  readonly cpuMs: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly errors: number;
  /** What went wrong first. */
  readonly reason: string;
}

/** A kind of load, started at `target`; the answer ends it. */
export type Load = (target: Address, meter: Meter) => () => void;

/** See the file header. */
export class Meter {
  readonly #pids: readonly number[];
  #latencies: number[] = [];
  #measuring = false;
  #count = 0;
  #bytes = 0;
  #errors = 0;
  #reason = '';
  #cpuMs = 0;

  constructor(pids: readonly number[]) {
    this.#pids = pids;
  }

  /** Answers that were right, while measuring. */
  get count(): number {
    return this.#count;
  }

  get errors(): number {
    return this.#errors;
  }

  begin(): void {
    this.#measuring = true;
    this.#cpuMs = cpuMs(this.#pids);
  }

  end(): LoadResult {
    const spentMs = cpuMs(this.#pids) - this.#cpuMs;
    this.#measuring = false;
    // A load that stands still has no errors to count and is one.
    if (this.#count === 0 && this.#bytes === 0) this.failed('nothing was answered');
    const sorted = Float64Array.from(this.#latencies).sort();
    return {
      count: this.#count,
      bytes: this.#bytes,
      cpuMs: spentMs,
      p50Ms: percentile(sorted, 0.5),
      p95Ms: percentile(sorted, 0.95),
      p99Ms: percentile(sorted, 0.99),
      errors: this.#errors,
      reason: this.#reason,
    };
  }

  /** An answer that was right, to what was begun, or meant to begin, at `startMs`. */
  answered(startMs: number): void {
    if (!this.#measuring) return;
    this.#count += 1;
    this.#latencies.push(performance.now() - startMs);
  }

  received(bytes: number): void {
    if (this.#measuring) this.#bytes += bytes;
  }

  failed(reason: string): void {
    this.#errors += 1;
    if (this.#reason === '') this.#reason = reason;
  }
}
