/**
 * DATA frames that the peer has not read yet. pure
 *
 * Windows count bytes, and a frame of one byte costs whoever reads it as much as one of thousands: half a megabyte of them is
 * a quarter of a second's work, which everybody stands behind. So a PING goes after every few, and while its answer is out,
 * content waits with its stream, where what is small is put together.
 */

/** The first word of such a PING. */
export const FRAMES_PING = 0x6672_616d;
/** Between two of them. */
export const FRAMES_PER_PING = 256;
/** On a path without length; see {@link FramesAhead.stretch}. */
export const FRAMES_AHEAD_MAX = 1_024;
/** More than any gateway reads. */
const FRAMES_PER_MS = 200;

export class FramesAhead {
  #max: number;
  /** All of them count modulo 2^32, as a word of a PING does. */
  #sent = 0;
  #marked = 0;
  #read = 0;

  /** `counts`: else nothing is ever too far ahead. */
  constructor(counts: boolean) {
    this.#max = counts ? FRAMES_AHEAD_MAX : Number.POSITIVE_INFINITY;
  }

  /** Whether no more are to be sent before some were read. */
  get full(): boolean {
    return (this.#sent - this.#read) >>> 0 >= this.#max;
  }

  /** A round trip takes no less than `ms`: so many more are under way, and wait for nobody. */
  stretch(ms: number): void {
    if (this.#max !== Number.POSITIVE_INFINITY)
      this.#max = FRAMES_AHEAD_MAX + Math.ceil(ms * FRAMES_PER_MS);
  }

  /** One more was sent; the second word of the PING that is due now, if one is. */
  sent(): number | undefined {
    this.#sent = (this.#sent + 1) >>> 0;
    if (this.#max === Number.POSITIVE_INFINITY) return undefined;
    if ((this.#sent - this.#marked) >>> 0 < FRAMES_PER_PING) return undefined;
    this.#marked = this.#sent;
    return this.#sent;
  }

  /** The PING with this second word was answered. */
  answered(mark: number): void {
    this.#read = mark;
  }
}
