/**
 * How many answers each endpoint gave in the last ten seconds, and how many of them were bad. pure
 *
 * Ten windows of one second, in columns: counting touches four numbers, and the oldest second leaves
 * by one pass over all rows, once a second.
 */

const WINDOWS = 10;
const WINDOW_MS = 1_000;

export class Answers {
  /** By slot, over all windows. */
  total = new Uint32Array(0);
  bad = new Uint32Array(0);
  // Window by window; one worker does not get 65,536 answers of one endpoint in a second.
  #totals = new Uint16Array(0);
  #bads = new Uint16Array(0);
  #capacity = 0;
  #window = 0;
  #second = Number.NaN;

  /** Makes room for `capacity` slots, keeping what was counted. */
  grow(capacity: number): void {
    const totals = new Uint16Array(WINDOWS * capacity);
    const bads = new Uint16Array(WINDOWS * capacity);
    for (let window = 0; window < WINDOWS; window += 1) {
      const from = window * this.#capacity;
      const row = this.#totals.subarray(from, from + this.#capacity);
      totals.set(row, window * capacity);
      bads.set(this.#bads.subarray(from, from + this.#capacity), window * capacity);
    }
    const [total, bad] = [new Uint32Array(capacity), new Uint32Array(capacity)];
    total.set(this.total);
    bad.set(this.bad);
    this.total = total;
    this.bad = bad;
    this.#totals = totals;
    this.#bads = bads;
    this.#capacity = capacity;
  }

  /** One answer of `slot`. */
  count(slot: number, isBad: boolean): void {
    const at = this.#window * this.#capacity + slot;
    (this.#totals[at] as number) += 1;
    (this.total[slot] as number) += 1;
    if (!isBad) return;
    (this.#bads[at] as number) += 1;
    (this.bad[slot] as number) += 1;
  }

  /** Forgets what `slot` answered. */
  clear(slot: number): void {
    this.total[slot] = 0;
    this.bad[slot] = 0;
    for (let at = slot; at < this.#totals.length; at += this.#capacity) {
      this.#totals[at] = 0;
      this.#bads[at] = 0;
    }
  }

  /** Lets the seconds go that are too old at `nowMs`; any number of calls. */
  advance(nowMs: number): void {
    const second = Math.floor(nowMs / WINDOW_MS);
    if (Number.isNaN(this.#second)) this.#second = second;
    const passed = Math.min(WINDOWS, second - this.#second);
    if (passed <= 0) return;
    this.#second = second;
    for (let step = 0; step < passed; step += 1) this.#next();
  }

  #next(): void {
    this.#window = (this.#window + 1) % WINDOWS;
    const from = this.#window * this.#capacity;
    for (let slot = 0; slot < this.#capacity; slot += 1) {
      (this.total[slot] as number) -= this.#totals[from + slot] as number;
      (this.bad[slot] as number) -= this.#bads[from + slot] as number;
    }
    this.#totals.fill(0, from, from + this.#capacity);
    this.#bads.fill(0, from, from + this.#capacity);
  }
}
