/**
 * Every connection of one kind: looked at once a second, drained and ended together.
 *
 * One timer for all of them costs less than one each, and a second is precise enough for bounds of many.
 */
import type { Clock, Timer } from '#core/clock.ts';

const SWEEP_MS = 1_000;
/** Looked at in one turn of the event loop: thousands at once would keep everybody waiting each second. */
const SWEPT_PER_TURN = 1_024;

/** A connection that can be swept and drained. */
export interface Connection {
  /** Looks for what has waited too long. */
  sweep(nowMs: number): void;
  /**
   * Lets what is under way finish, tells the far side that it was the last, then ends. An idle
   * connection whose protocol cannot tell may still bring one request, which would else be lost.
   */
  drain(): void;
  /** Ends a draining connection on which nothing is under way. */
  endIdle(): void;
  /** Ends now. */
  destroy(): void;
}

export class Connections<T extends Connection> {
  readonly #all = new Set<T>();
  readonly #clock: Clock;
  readonly #ticker: Timer;
  #next: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ticker = clock.every(SWEEP_MS, () => {
      if (this.#next === undefined) this.#sweep(this.#all.values());
    });
  }

  get size(): number {
    return this.#all.size;
  }

  add(connection: T): void {
    this.#all.add(connection);
  }

  delete(connection: T): void {
    this.#all.delete(connection);
  }

  drain(): void {
    for (const each of [...this.#all]) each.drain();
  }

  endIdle(): void {
    for (const each of [...this.#all]) each.endIdle();
  }

  /** Ends all of them, and the timers. */
  close(): void {
    this.#ticker.cancel();
    this.#next?.cancel();
    for (const each of [...this.#all]) each.destroy();
  }

  /** Looks at some of `rest`, and soon at the others; who leaves meanwhile is not looked at. */
  #sweep(rest: Iterator<T, undefined>): void {
    this.#next = undefined;
    const nowMs = this.#clock.monotonicMs();
    for (let left = SWEPT_PER_TURN; left > 0; left -= 1) {
      const { value } = rest.next();
      if (value === undefined) return;
      value.sweep(nowMs);
    }
    this.#next = this.#clock.after(1, () => this.#sweep(rest));
  }
}
