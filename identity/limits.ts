/**
 * How often one caller may ask: a token bucket per address. pure but for the clock
 */
import type { Clock } from '#core/clock.ts';

export interface RateLimits {
  readonly perSecond: number;
  readonly burst: number;
  /** Addresses remembered; beyond it the one that was quiet longest is forgotten. */
  readonly addressesMax: number;
}

/** Says whether a caller may ask now. */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(limits: RateLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** True, and one request counted, while `address` keeps within the rate. */
  allow(address: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const { perSecond, burst, addressesMax } = this.#limits;
    const known = this.#buckets.get(address) ?? { tokens: burst, atMs: nowMs };
    const tokens = Math.min(burst, known.tokens + ((nowMs - known.atMs) / 1_000) * perSecond);
    // Deleting first keeps the map in order of last use.
    this.#buckets.delete(address);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= addressesMax && oldest !== undefined) this.#buckets.delete(oldest);
    this.#buckets.set(address, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    return tokens >= 1;
  }
}
