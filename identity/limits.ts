/**
 * How often one caller may ask: a token bucket per address. pure but for the clock
 */
import { Bucket, type Rate } from '#core/bucket.ts';
import type { Clock } from '#core/clock.ts';

export interface RateLimits extends Rate {
  /** Addresses remembered; beyond it the one that was quiet longest is forgotten. */
  readonly addressesMax: number;
}

/** Says whether a caller may ask now. */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limits: RateLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** True, and one request counted, while `address` keeps within the rate. */
  allow(address: string): boolean {
    const { addressesMax } = this.#limits;
    const bucket = this.#buckets.get(address) ?? new Bucket(this.#limits);
    // Deleting first keeps the map in order of last use.
    this.#buckets.delete(address);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= addressesMax && oldest !== undefined) this.#buckets.delete(oldest);
    this.#buckets.set(address, bucket);
    return bucket.take(this.#clock.monotonicMs());
  }
}
