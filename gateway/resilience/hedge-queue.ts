/**
 * Requests that wait for an answer, and when another attempt beside those under way may be worth it: one timer for
 * all of them, for nearly all are answered before and leave the queue again.
 */
import type { Clock, Timer } from '#core/clock.ts';

/** A request that may be hedged. The other fields are the queue's. */
export interface Hedgeable {
  /** Where it waits; `undefined` outside. */
  hedgeQueue: HedgeQueue | undefined;
  hedgeDueMs: number;
  hedgeBefore: Hedgeable | undefined;
  hedgeAfter: Hedgeable | undefined;
  /** The time has come, at `nowMs`, and it is in the queue no more. */
  hedge(nowMs: number): void;
}

export class HedgeQueue {
  readonly #clock: Clock;
  #first: Hedgeable | undefined;
  #last: Hedgeable | undefined;
  #timer: Timer | undefined;
  /** When {@link #timer} rings. */
  #ringsMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls {@link Hedgeable.hedge} of `each`, which waits nowhere, at `dueMs`, unless it is removed before. */
  add(each: Hedgeable, dueMs: number, nowMs: number): void {
    each.hedgeQueue = this;
    each.hedgeDueMs = dueMs;
    // Nearly always the last: all wait equally long, but those sent to be tried out.
    let before = this.#last;
    while (before !== undefined && before.hedgeDueMs > dueMs) before = before.hedgeBefore;
    const after = before === undefined ? this.#first : before.hedgeAfter;
    each.hedgeBefore = before;
    each.hedgeAfter = after;
    if (before === undefined) this.#first = each;
    else before.hedgeAfter = each;
    if (after === undefined) this.#last = each;
    else after.hedgeBefore = each;
    if (dueMs < this.#ringsMs) this.#wind(dueMs, nowMs);
  }

  /** `each`, which waits here, waits no longer. */
  remove(each: Hedgeable): void {
    const { hedgeBefore, hedgeAfter } = each;
    each.hedgeQueue = undefined;
    if (hedgeBefore === undefined) this.#first = hedgeAfter;
    else hedgeBefore.hedgeAfter = hedgeAfter;
    if (hedgeAfter === undefined) this.#last = hedgeBefore;
    else hedgeAfter.hedgeBefore = hedgeBefore;
    each.hedgeBefore = undefined;
    each.hedgeAfter = undefined;
  }

  #wind(dueMs: number, nowMs: number): void {
    this.#timer?.cancel();
    this.#ringsMs = dueMs;
    this.#timer = this.#clock.after(Math.max(0, dueMs - nowMs), () => this.#ring());
  }

  #ring(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#ringsMs = Number.POSITIVE_INFINITY;
    this.#timer = undefined;
    for (let first = this.#first; first !== undefined && first.hedgeDueMs <= nowMs; ) {
      this.remove(first);
      first.hedge(nowMs);
      first = this.#first;
    }
    if (this.#first !== undefined) this.#wind(this.#first.hedgeDueMs, nowMs);
  }
}
