/**
 * Every connection of one kind: looked at once a second, drained and ended together.
 *
 * One timer for all of them costs less than one each, and a second is precise enough for bounds of many.
 */
import type { Clock, Timer } from '#core/clock.ts';

const SWEEP_MS = 1_000;

/** A connection that can be swept and drained. */
export interface Connection {
  /** Looks for what has waited too long. */
  sweep(nowMs: number): void;
  /** Takes nothing new, lets what is under way finish, then ends; may be called again. */
  drain(): void;
  /** Ends now. */
  destroy(): void;
}

export class Connections<T extends Connection> {
  readonly #all = new Set<T>();
  readonly #ticker: Timer;

  constructor(clock: Clock) {
    this.#ticker = clock.every(SWEEP_MS, () => {
      const nowMs = clock.monotonicMs();
      for (const each of [...this.#all]) each.sweep(nowMs);
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

  /** Ends all of them, and the timer. */
  close(): void {
    this.#ticker.cancel();
    for (const each of [...this.#all]) each.destroy();
  }
}
