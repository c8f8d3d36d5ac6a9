/**
 * Token buckets: how often something may happen. pure
 *
 * `burst` tokens at first, `perSecond` more each second, never above the burst.
 */

/** A token bucket. */
export interface Rate {
  readonly burst: number;
  /** More than 0. */
  readonly perSecond: number;
}

/** What rounding may take from a token. */
const EPSILON = 1e-6;

/**
 * A bucket of tokens, filled by the time that passes. It knows when it will be full again: to take a token is to put
 * that off, and time fills it without anybody counting.
 */
export class Bucket {
  readonly #eachMs: number;
  /** Full again later than in so many ms, it has no token left. */
  readonly #longestMs: number;
  #fullAtMs = Number.NEGATIVE_INFINITY;

  constructor({ burst, perSecond }: Rate) {
    this.#eachMs = 1_000 / perSecond;
    this.#longestMs = (burst - 1 + EPSILON) * this.#eachMs;
  }

  /** Takes a token; false when none is left. */
  take(nowMs: number): boolean {
    const fullAtMs = Math.max(this.#fullAtMs, nowMs);
    if (fullAtMs - nowMs > this.#longestMs) return false;
    this.#fullAtMs = fullAtMs + this.#eachMs;
    return true;
  }

  /** Gives tokens back for useful work. */
  give(tokens: number): void {
    this.#fullAtMs -= tokens * this.#eachMs;
  }

  /** Whether `tokens` are left. */
  has(tokens: number, nowMs: number): boolean {
    return this.#fullAtMs - nowMs <= this.#longestMs - (tokens - 1) * this.#eachMs;
  }
}
