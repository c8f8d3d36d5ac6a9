/**
 * The open streams of a connection by their ids.
 *
 * A Map would do, but for the garbage collector: each time a Map is rebuilt, its old table keeps whatever
 * was open then, and where that table has grown old, so does all that those streams hold, until the next
 * full collection. Here a stream that has gone is referred to by nobody.
 *
 * Whoever opens streams numbers them one after the other (RFC 9113, section 5.1.1), so those that are open
 * at a time have slots of their own. Only one that outlives many others meets a newer one at its slot, which
 * then lies in a Map.
 */
import type { Http2Stream } from './stream.ts';

const SLOTS_MIN = 16;
/** A connection at rest holds on to no more. */
const SLOTS_KEPT = 256;

export class StreamTable<T> {
  #slots: (Http2Stream<T> | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  #mask = SLOTS_MIN - 1;
  /** Those whose slot was taken when they came. */
  #others: Map<number, Http2Stream<T>> | undefined;
  #size = 0;

  /** Streams there are. */
  get size(): number {
    return this.#size;
  }

  /** The stream of this id, if it is open. */
  get(id: number): Http2Stream<T> | undefined {
    const stream = this.#slots[(id >>> 1) & this.#mask];
    if (stream !== undefined && stream.id === id) return stream;
    return this.#others?.get(id);
  }

  /** Adds a stream whose id is not there. */
  add(stream: Http2Stream<T>): void {
    // Half of the slots stay free: one that lasts is met the later.
    if (2 * (this.#size + 1) > this.#mask) this.#resize(2 * this.#slots.length);
    this.#size += 1;
    this.#put(stream);
  }

  /** Takes a stream out; false: it was not there. */
  delete(id: number): boolean {
    const slot = (id >>> 1) & this.#mask;
    if (this.#slots[slot]?.id === id) this.#slots[slot] = undefined;
    else if (this.#others?.delete(id) !== true) return false;
    else if (this.#others.size === 0) this.#others = undefined;
    this.#size -= 1;
    if (this.#size === 0 && this.#mask >= SLOTS_KEPT) this.#resize(SLOTS_MIN);
    return true;
  }

  /** All of them as they are now, in no order. */
  values(): Http2Stream<T>[] {
    const placed = this.#slots.filter((each) => each !== undefined);
    return this.#others === undefined ? placed : [...placed, ...this.#others.values()];
  }

  #put(stream: Http2Stream<T>): void {
    const slot = (stream.id >>> 1) & this.#mask;
    if (this.#slots[slot] === undefined) this.#slots[slot] = stream;
    else {
      this.#others ??= new Map();
      this.#others.set(stream.id, stream);
    }
  }

  #resize(slots: number): void {
    const before = this.values();
    this.#slots.fill(undefined);
    this.#others = undefined;
    this.#slots = new Array(slots).fill(undefined);
    this.#mask = slots - 1;
    for (const stream of before) this.#put(stream);
  }
}
