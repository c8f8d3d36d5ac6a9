/** The CPU of a gateway that does one thing after the other. */
import type { Clock } from '#core/clock.ts';

export class Cpu {
  readonly #clock: Clock;
  readonly #costMs: number;
  #freeAtMs = 0;

  /** Each thing takes `costMs`. */
  constructor(clock: Clock, costMs: number) {
    this.#clock = clock;
    this.#costMs = costMs;
  }

  /** Does `what` after everything asked for before. */
  run(what: () => void): void {
    const nowMs = this.#clock.monotonicMs();
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + this.#costMs;
    this.#clock.after(this.#freeAtMs - nowMs, what);
  }
}
