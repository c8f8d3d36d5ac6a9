/**
 * How many requests for one service are under way at once, and how many come in a second. What is beyond
 * waits a moment in a short queue, first come first served, or is turned away: a service that is too slow
 * is not made slower by those that wait for it.
 */
import { Bucket } from '#core/bucket.ts';
import type { Clock, Timer } from '#core/clock.ts';
import type { LimitSettings } from '../snapshot/traffic.ts';

/** Somebody who waits to be let in. */
export interface Waiting {
  /** It is in, and must leave. */
  admitted(): void;
  /** It waited for `queueMs` in vain. */
  expired(): void;
}

export type Entry =
  /** Under way: must {@link Limiter.leave}. */
  | 'admitted'
  /** Will be told. */
  | 'waiting'
  /** As many are under way and waiting as may be. */
  | 'full'
  /** More came than may in this time. */
  | 'tooMany';

export class Limiter {
  readonly #clock: Clock;
  readonly #queue = new Map<Waiting, Timer>();
  #settings: LimitSettings;
  #rate: Bucket | undefined;
  #inside = 0;
  #admitting = false;

  constructor(settings: LimitSettings, clock: Clock) {
    this.#clock = clock;
    this.#settings = settings;
    this.#rate = bucketOf(settings);
  }

  /** Requests under way. */
  get inside(): number {
    return this.#inside;
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Takes over other limits; those inside stay. */
  update(settings: LimitSettings): void {
    if (settings === this.#settings) return;
    const { ratePerSecond, rateBurst } = this.#settings;
    this.#settings = settings;
    if (ratePerSecond !== settings.ratePerSecond || rateBurst !== settings.rateBurst)
      this.#rate = bucketOf(settings);
    this.#admit();
  }

  /** Lets `who` in, now or later, or not at all. */
  enter(who: Waiting, nowMs: number): Entry {
    if (this.#rate !== undefined && !this.#rate.take(nowMs)) return 'tooMany';
    const { concurrencyMax, queueMax, queueMs } = this.#settings;
    if (this.#inside < concurrencyMax && this.#queue.size === 0) {
      this.#inside += 1;
      return 'admitted';
    }
    if (this.#queue.size >= queueMax) return 'full';
    const timer = this.#clock.after(queueMs, () => {
      if (this.#queue.delete(who)) who.expired();
    });
    this.#queue.set(who, timer);
    return 'waiting';
  }

  /** Somebody who was let in is done. */
  leave(): void {
    this.#inside -= 1;
    if (this.#queue.size > 0) this.#admit();
  }

  /** Somebody waits no longer. */
  forget(who: Waiting): void {
    this.#queue.get(who)?.cancel();
    this.#queue.delete(who);
  }

  #admit(): void {
    // Who fails at once leaves from within its admission: the loop it came from goes on, not one within the other.
    if (this.#admitting) return;
    this.#admitting = true;
    try {
      for (const [who, timer] of this.#queue) {
        if (this.#inside >= this.#settings.concurrencyMax) return;
        timer.cancel();
        this.#queue.delete(who);
        this.#inside += 1;
        who.admitted();
      }
    } finally {
      this.#admitting = false;
    }
  }
}

function bucketOf({ ratePerSecond, rateBurst }: LimitSettings): Bucket | undefined {
  if (ratePerSecond === undefined) return undefined;
  return new Bucket({ burst: rateBurst, perSecond: ratePerSecond });
}
