/**
 * Bytes of somebody else's, put together until they are whole: bounded, and in one piece of memory.
 *
 * A part that is kept as it came costs a hundred bytes however little it holds, and who sends a byte at a time would make
 * a bound on bytes a hundred times as large.
 */

const FIRST_BYTES = 1_024;

export class Gathered {
  readonly #bytesMax: number;
  #bytes = Buffer.alloc(0);
  #length = 0;

  /** For at most `bytesMax` bytes. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Adds a part; false: with it they would be too many, and nothing was added. */
  add(part: Uint8Array): boolean {
    const length = this.#length + part.length;
    if (length > this.#bytesMax) return false;
    if (length > this.#bytes.length) {
      const room = Math.max(FIRST_BYTES, length, 2 * this.#bytes.length);
      const larger = Buffer.allocUnsafeSlow(Math.min(room, this.#bytesMax));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.set(part, this.#length);
    this.#length = length;
    return true;
  }

  /** What was gathered, as text, and begins anew. */
  take(): string {
    const text = this.#bytes.toString('utf8', 0, this.#length);
    this.#length = 0;
    // What one long line needed is not kept for all the short ones.
    if (this.#bytes.length > FIRST_BYTES) this.#bytes = Buffer.alloc(0);
    return text;
  }
}
