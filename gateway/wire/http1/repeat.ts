/**
 * The last head of a connection, for the next that is the same byte for byte. pure
 *
 * What a head means follows from its bytes and from what was asked, so equal bytes need no second reading. A connection
 * whose heads differ is soon asked only now and then.
 */
import type { Head } from './message.ts';

const BYTES_MAX = 2_048;
/** After so many heads in a row that differ, only one in {@link RETRY} is looked at. */
const MISSES_MAX = 4;
const RETRY = 256;

const NO_BYTES = Buffer.alloc(0);

/** Remembers one head. */
export class RepeatedHead {
  #bytes = NO_BYTES;
  #length = 0;
  #asked = 0;
  #head: Head | undefined;
  #misses = 0;

  /** Bytes of the head that {@link take} found. */
  get length(): number {
    return this.#length;
  }

  /** The head at `chunk[from, to)`, as an answer to `asked`, if it is the one remembered. */
  take(chunk: Buffer, from: number, to: number, asked: number): Head | undefined {
    const head = this.#head;
    if (head === undefined || this.#sleeps) return undefined;
    const end = from + this.#length;
    if (end > to || asked !== this.#asked) return undefined;
    if (this.#bytes.compare(chunk, from, end, 0, this.#length) !== 0) return undefined;
    this.#misses = 0;
    // The list is the owner's to change.
    return { ...head, headers: head.headers.slice() };
  }

  /** Remembers `head`, which was read from `chunk[from, to)`. */
  put(chunk: Buffer, from: number, to: number, asked: number, head: Head): void {
    this.#misses += 1;
    const length = to - from;
    if (this.#sleeps || length > BYTES_MAX) return;
    if (this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(length);
    chunk.copy(this.#bytes, 0, from, to);
    this.#length = length;
    this.#asked = asked;
    this.#head = { ...head, headers: head.headers.slice() };
  }

  /** Lets go of what it remembers. */
  forget(): void {
    this.#head = undefined;
    this.#bytes = NO_BYTES;
  }

  /** Awake for two heads: one to remember, one to compare. */
  get #sleeps(): boolean {
    return this.#misses > MISSES_MAX && this.#misses % RETRY > 1;
  }
}
