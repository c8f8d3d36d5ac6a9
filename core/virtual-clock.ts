/**
 * Time of a simulation: it stands still while something is computed and jumps to the next event, so that minutes
 * pass in milliseconds, and the same way every time.
 *
 * Promises: events run in the order of their time, and of their making where the times are equal; so
 * the same inputs make the same trace.
 */
import type { Clock, Timer } from './clock.ts';

/** 2026-01-01, so that what is made from the time of day looks real. */
const EPOCH_MS = 1_767_225_600_000;
/** Turns of the event loop after which streams have nothing left to hand on. */
const TURNS = 3;

interface Event extends Timer {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Fewer are not worth a look. */
const SWEEP_MIN = 256;

/** See the file header. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  /** A binary heap, earliest first. */
  #events: Event[] = [];
  /** Those among them that were cancelled. */
  #cancelled = 0;

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return EPOCH_MS + Math.floor(this.#nowMs);
  }

  after(delayMs: number, callback: () => void): Timer {
    const event: Event = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order,
      run: callback,
      cancel: () => this.#cancel(event),
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
    while (this.#runNext(untilMs));
    this.#nowMs = untilMs;
  }

  /** Lets `ms` pass; before and between two events everything that can go on without time goes on. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    while (this.#runNext(untilMs)) await settle();
    this.#nowMs = untilMs;
  }

  /** Runs the next event, unless it is due after `untilMs`: then false. */
  #runNext(untilMs: number): boolean {
    for (;;) {
      const next = this.#events[0];
      if (next === undefined || next.atMs > untilMs) return false;
      this.#pop();
      const { run } = next;
      if (run === undefined) {
        this.#cancelled -= 1;
        continue;
      }
      next.run = undefined;
      this.#nowMs = next.atMs;
      run();
      return true;
    }
  }

  /** Most timers of a simulation never ring: as soon as half are cancelled they are swept, or all would be carried along. */
  #cancel(event: Event): void {
    if (event.run === undefined) return;
    event.run = undefined;
    this.#cancelled += 1;
    if (this.#cancelled < SWEEP_MIN || this.#cancelled * 2 < this.#events.length) return;
    this.#cancelled = 0;
    // In order they are a heap as well.
    this.#events = this.#events.filter(({ run }) => run !== undefined).sort(compare);
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

function compare(a: Event, b: Event): number {
  return a.atMs - b.atMs || a.order - b.order;
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}
