/**
 * How many requests may be sent a second time: a share of those that came, and some in every second
 * whatever came, over the last ten seconds. So repetitions help while few endpoints fail, and cannot
 * multiply the load when all do. pure
 *
 * After Finagle's `RetryBudget` (share 0.2, 10 a second, 10 s).
 */
const SLOT_MS = 1_000;
const SLOTS = 10;
const EPSILON = 1e-6;

export class Budget {
  /** What was put in less what was taken, by second; ring of {@link SLOTS}. */
  readonly #slots = new Float64Array(SLOTS);
  #sum = 0;
  /** Number of the second that counts now. */
  #second = Number.NEGATIVE_INFINITY;

  /** A request came, at `nowMs`, that allows for `share` of a repetition. */
  deposit(share: number, nowMs: number): void {
    this.#add(share, nowMs);
  }

  /** Takes one repetition, where there is one; `perSecond`: those allowed whatever came. */
  take(perSecond: number, nowMs: number): boolean {
    // Shares add up to a whole less an error of rounding.
    if (this.left(perSecond, nowMs) < 1 - EPSILON) return false;
    this.#add(-1, nowMs);
    return true;
  }

  /** Repetitions that could be taken at `nowMs`. */
  left(perSecond: number, nowMs: number): number {
    this.#turn(nowMs);
    return this.#sum + perSecond * SLOTS;
  }

  #add(tokens: number, nowMs: number): void {
    this.#turn(nowMs);
    const at = this.#second % SLOTS;
    this.#slots[at] = (this.#slots[at] as number) + tokens;
    this.#sum += tokens;
  }

  /** Forgets seconds that are over. */
  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / SLOT_MS);
    if (second <= this.#second) return;
    const passed = Math.min(SLOTS, second - this.#second);
    for (let back = 0; back < passed; back += 1) this.#slots[(second - back) % SLOTS] = 0;
    this.#second = second;
    // Counted anew, so that no error of rounding lives longer than a second.
    let sum = 0;
    for (let at = 0; at < SLOTS; at += 1) sum += this.#slots[at] as number;
    this.#sum = sum;
  }
}
