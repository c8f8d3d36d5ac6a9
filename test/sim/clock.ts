/**
 * Time of a simulation: it stands still while something is computed and jumps to the next event.
 *
 * Promises: events run in the order of their time, and of their making where the times are equal; so
 * the same inputs make the same trace.
 */
import type { Clock, Timer } from '#core/clock.ts';

interface Event extends Timer {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  /** A binary heap, earliest first. */
  readonly #events: Event[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const event: Event = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order,
      run: callback,
      cancel() {
        event.run = undefined;
      },
    };
    this.#order += 1;
    this.#push(event);
    return event;
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

  /** Runs everything due until `untilMs`, and stays there. */
  runUntil(untilMs: number): void {
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#pop();
      if (next.run === undefined) continue;
      this.#nowMs = next.atMs;
      next.run();
    }
    this.#nowMs = untilMs;
  }

  #push(event: Event): void {
    const events = this.#events;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = events[parent] as Event;
      if (isBefore(above, event)) break;
      events[at] = above;
      at = parent;
    }
    events[at] = event;
  }

  #pop(): void {
    const events = this.#events;
    const last = events.pop() as Event;
    const { length } = events;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(events[child + 1] as Event, events[child] as Event))
        child += 1;
      if (!isBefore(events[child] as Event, last)) break;
      events[at] = events[child] as Event;
      at = child;
    }
    events[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
