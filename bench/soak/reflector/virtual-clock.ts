/**
 * A clock that is moved by hand: minutes pass in milliseconds, and the same way every time.
 *
 * Promises: timers fire in order of their time and, at the same time, of their making; between two of
 * them everything that can go on without time has gone on.
 */
import type { Clock, Timer } from '#core/clock.ts';

/** 2026-01-01, so that versions made from the time of day look real. */
const EPOCH_MS = 1_767_225_600_000;
/** Turns of the event loop after which streams have nothing left to hand on. */
const TURNS = 3;

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** See the file header. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #timers = new Set<Pending>();

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return EPOCH_MS + Math.floor(this.#nowMs);
  }

  after(delayMs: number, callback: () => void): Timer {
    this.#order += 1;
    const pending = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, callback };
    this.#timers.add(pending);
    return { cancel: () => void this.#timers.delete(pending) };
  }

  every(periodMs: number, callback: () => void): Timer {
    let timer = this.after(periodMs, again);
    const clock = this;
    function again() {
      timer = clock.after(periodMs, again);
      callback();
    }
    return { cancel: () => timer.cancel() };
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(); next && next.atMs <= untilMs; next = this.#next()) {
      this.#nowMs = next.atMs;
      this.#timers.delete(next);
      next.callback();
      await settle();
    }
    this.#nowMs = untilMs;
  }

  /** A few dozen timers are pending: looking at each is quicker than keeping them in order. */
  #next(): Pending | undefined {
    let first: Pending | undefined;
    for (const each of this.#timers) {
      if (
        !first ||
        each.atMs < first.atMs ||
        (each.atMs === first.atMs && each.order < first.order)
      )
        first = each;
    }
    return first;
  }
}

/** Lets everything that needs no time go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}
