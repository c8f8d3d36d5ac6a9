/**
 * The open streams of a connection by their ids.
 *
 * A Map would do, but for the garbage collector: each time a Map is rebuilt, its old table keeps whatever
 * was open then, and where that table has grown old, so does all that those streams hold, until the next
 * full collection. Here a stream that has gone is referred to by nobody.
 */
import type { Http2Stream } from './stream.ts';

const SLOTS_MIN = 16;
/** The golden ratio as a fraction of 2^32 (Knuth, TAOCP 6.4), and where its product is mixed well. */
const SCATTER = 0x9e37_79b1;
const SCATTER_SHIFT = 15;
/** A connection at rest holds on to no more. */
const SLOTS_KEPT = 256;

/** A table with open addressing: streams lie at the slot of their id, or behind it where that is taken. */
export class StreamTable<T> {
  #slots: (Http2Stream<T> | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  #mask = SLOTS_MIN - 1;
  #size = 0;

  /** Streams there are. */
  get size(): number {
    return this.#size;
  }

  /** The stream of this id, if it is open. */
  get(id: number): Http2Stream<T> | undefined {
    const slots = this.#slots;
    for (let at = this.#home(id); ; at = (at + 1) & this.#mask) {
      const stream = slots[at];
      if (stream === undefined || stream.id === id) return stream;
    }
  }

  /** Adds a stream whose id is not there. */
  add(stream: Http2Stream<T>): void {
    // Half of the slots stay free, so that a search soon ends.
    if (2 * (this.#size + 1) > this.#mask) this.#grow();
    this.#size += 1;
    this.#put(stream);
  }

  /** Takes a stream out; false: it was not there. */
  delete(id: number): boolean {
    const slots = this.#slots;
    const mask = this.#mask;
    let at = this.#home(id);
    for (;;) {
      const stream = slots[at];
      if (stream === undefined) return false;
      if (stream.id === id) break;
      at = (at + 1) & mask;
    }
    this.#size -= 1;
    // Whoever lies behind moves up where that brings it no farther than its own slot.
    let free = at;
    for (let next = (at + 1) & mask; ; next = (next + 1) & mask) {
      const stream = slots[next];
      if (stream === undefined) break;
      if (((next - this.#home(stream.id)) & mask) < ((next - free) & mask)) continue;
      slots[free] = stream;
      free = next;
    }
    slots[free] = undefined;
    if (this.#size === 0 && mask > SLOTS_KEPT) this.#shrink();
    return true;
  }

  /** All of them as they are now, in no order. */
  values(): Http2Stream<T>[] {
    return this.#slots.filter((each) => each !== undefined);
  }

  /** Scattered: ids follow each other, and a row of neighbours would have to be looked through. */
  #home(id: number): number {
    return (Math.imul(id, SCATTER) >>> SCATTER_SHIFT) & this.#mask;
  }

  #put(stream: Http2Stream<T>): void {
    let at = this.#home(stream.id);
    while (this.#slots[at] !== undefined) at = (at + 1) & this.#mask;
    this.#slots[at] = stream;
  }

  #shrink(): void {
    this.#slots = new Array(SLOTS_MIN).fill(undefined);
    this.#mask = SLOTS_MIN - 1;
  }

  #grow(): void {
    const before = this.#slots;
    this.#mask = 2 * this.#mask + 1;
    this.#slots = new Array(this.#mask + 1).fill(undefined);
    for (const stream of before) if (stream !== undefined) this.#put(stream);
    before.fill(undefined);
  }
}
