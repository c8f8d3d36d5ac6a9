/**
 * When a second attempt is worth it: the p95 of the first bytes of a service, read every 3 s, but not before
 * twice their median, for where all take about as long, hedging those that take a little longer gains nothing,
 * and leaves nothing of the budget for the day on which it does. pure
 *
 * A histogram whose buckets are the exponent and the upper three bits of the fraction of a float, about
 * 9 % wide: finding one costs two moves and a shift.
 */
import { TUNING } from './tuning.ts';

/** 1/16 ms to 65 s. */
const LEAST_EXPONENT = -4;
const OCTAVES = 20;
const PER_OCTAVE = 8;
const BUCKETS = OCTAVES * PER_OCTAVE;
/** The upper half of a float without what tells buckets apart. */
const FRACTION_SHIFT = 17;
const FIRST_BUCKET = (1023 + LEAST_EXPONENT) * PER_OCTAVE;

const float = new Float64Array(1);
const halves = new Uint32Array(float.buffer);

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
    float[0] = latencyMs;
    const bucket = ((halves[1] as number) >>> FRACTION_SHIFT) - FIRST_BUCKET;
    const at = bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket;
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
  const octave = Math.floor(bucket / PER_OCTAVE);
  return 2 ** (LEAST_EXPONENT + octave) * (1 + (bucket % PER_OCTAVE) / PER_OCTAVE);
}
