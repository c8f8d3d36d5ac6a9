/**
 * A clock whose time of day is wrong, as that of a machine without NTP. pure
 *
 * Only the wall clock: time that passes is never wrong by a jump.
 */
import type { Clock } from '#core/clock.ts';

/** `base`, with a time of day that is `offsetMs` ahead of it. */
export class SkewedClock implements Clock {
  readonly #base: Clock;
  offsetMs = 0;

  constructor(base: Clock) {
    this.#base = base;
  }

  monotonicMs(): number {
    return this.#base.monotonicMs();
  }

  wallMs(): number {
    return this.#base.wallMs() + this.offsetMs;
  }

  after(delayMs: number, callback: () => void) {
    return this.#base.after(delayMs, callback);
  }

  every(periodMs: number, callback: () => void) {
    return this.#base.every(periodMs, callback);
  }
}
