/**
 * Token buckets: how often something may happen. pure
 *
 * `burst` tokens at first, `perSecond` more each second, never above the burst.
 */

/** A token bucket. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** A bucket of tokens, filled by the time that passes. */
export class Bucket {
  readonly #rate: Rate;
  #tokens: number;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#tokens = rate.burst;
  }

  /** Tokens there were when it was last asked. */
  get left(): number {
    return this.#tokens;
  }

  /** Takes a token; false when none is left. */
  take(nowMs: number): boolean {
    if (this.#tokens < 1) this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    // Time counts from the first token taken out of a full bucket.
    if (this.#atMs === Number.NEGATIVE_INFINITY) this.#atMs = nowMs;
    this.#tokens -= 1;
    return true;
  }

  /** Gives tokens back for useful work. */
  give(tokens: number): void {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + tokens);
  }

  #fill(nowMs: number): void {
    if (this.#atMs !== Number.NEGATIVE_INFINITY)
      this.give(((nowMs - this.#atMs) * this.#rate.perSecond) / 1000);
    this.#atMs = nowMs;
  }
}
