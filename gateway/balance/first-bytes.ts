/**
 * When a second attempt is worth it: the p95 of the first bytes of a service, read every 3 s, but not before
 * twice their median, for where all take about as long, hedging those that take a little longer gains nothing,
 * and leaves nothing of the budget for the day on which it does. pure
 *
 * A histogram whose buckets are an eighth of an octave wide, 6 to 12 %: finding one is a few shifts.
 */
import { TUNING } from './tuning.ts';

/** Counted in units of this, 4 µs, so that all but the finding of a bucket is done with whole numbers. */
const UNITS_PER_MS = 256;
/** Buckets in an octave, as a power of two. */
const BITS = 3;
const PER_OCTAVE = 1 << BITS;
/** More counts as this, an hour and ten minutes. */
const LONGEST_MS = 4_194_304;
/** As many as a whole number of 31 bits needs. */
const BUCKETS = (31 - BITS + 1) * PER_OCTAVE;

export class FirstBytes {
  /** NaN while unknown. */
  hedgeDelayMs = Number.NaN;
  /** Made when the first answer comes: most services of a large cluster have no traffic here. */
  #counts: Uint32Array | undefined;
  #count = 0;
  #refreshAtMs = Number.NEGATIVE_INFINITY;

  /** A first byte came after `latencyMs`, or has not come for so long. */
  record(latencyMs: number): void {
    this.#counts ??= new Uint32Array(BUCKETS);
    const units =
      latencyMs < LONGEST_MS ? (latencyMs * UNITS_PER_MS) | 0 : LONGEST_MS * UNITS_PER_MS;
    const octave = 31 - Math.clz32(units | PER_OCTAVE) - BITS;
    const at = octave * PER_OCTAVE + (units >>> octave);
    (this.#counts[at] as number) += 1;
    this.#count += 1;
  }

  /** Reads the percentile if it is time and enough was seen since. */
  tick(nowMs: number): void {
    if (nowMs < this.#refreshAtMs || this.#counts === undefined) return;
    if (this.#count < TUNING.hedgeSamplesMin) return;
    const percentileMs = this.#percentileMs(this.#counts, TUNING.hedgePercentile);
    const medianMs = this.#percentileMs(this.#counts, 0.5);
    this.hedgeDelayMs = Math.max(percentileMs, TUNING.hedgeMedians * medianMs);
    this.#counts.fill(0);
    this.#count = 0;
    this.#refreshAtMs = nowMs + TUNING.hedgeRefreshMs;
  }

  #percentileMs(counts: Uint32Array, share: number): number {
    let left = this.#count * share;
    for (let at = 0; at < BUCKETS; at += 1) {
      const count = counts[at] as number;
      if (left <= count) {
        const from = lowerMs(at);
        return from + (left / Math.max(1, count)) * (lowerMs(at + 1) - from);
      }
      left -= count;
    }
    return lowerMs(BUCKETS);
  }
}

function lowerMs(bucket: number): number {
  if (bucket < PER_OCTAVE) return bucket / UNITS_PER_MS;
  const octave = Math.floor(bucket / PER_OCTAVE) - 1;
  return ((PER_OCTAVE + (bucket % PER_OCTAVE)) * 2 ** octave) / UNITS_PER_MS;
}
