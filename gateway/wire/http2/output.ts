/**
 * What a connection has to say, gathered until its owner flushes.
 *
 * Frames are written into slabs, one after the other; large DATA payloads stay where they are and take
 * a place of their own in the list. What has been taken is never overwritten. The rest of a slab goes
 * back to a small pool that all connections share, so an idle connection holds none.
 */
import { giveSlab, restAt, takeSlab } from '../slabs.ts';

/** Payloads up to this length are copied: it costs less than a separate entry of a gathered write. */
export const COPY_BYTES_MAX = 4 * 1024;

export class Output {
  /** Everything not taken yet, in bytes. */
  pendingBytes = 0;
  /** Of these, what is not payload of DATA. */
  controlBytes = 0;
  /** Where to write; valid after {@link reserve}. */
  slab: Buffer | undefined;
  /** Position of the next byte in the slab. */
  at = 0;
  #from = 0;
  #list: Buffer[] = [];

  /** Makes `bytes` of room in one piece and returns the slab to write to, at {@link at}. */
  reserve(bytes: number): Buffer {
    const { slab } = this;
    if (slab !== undefined && slab.length - this.at >= bytes) return slab;
    this.#seal();
    this.#release();
    const next = takeSlab(bytes);
    this.slab = next;
    this.at = restAt;
    this.#from = restAt;
    return next;
  }

  /** Takes what was written up to `to` into account. */
  wrote(to: number): void {
    const bytes = to - this.at;
    this.at = to;
    this.pendingBytes += bytes;
    this.controlBytes += bytes;
  }

  /** Appends payload: copied when small, else by reference, so the bytes must not change until sent. */
  payload(bytes: Buffer, from: number, to: number): void {
    const length = to - from;
    if (length === 0) return;
    this.pendingBytes += length;
    if (length <= COPY_BYTES_MAX) {
      const slab = this.reserve(length);
      bytes.copy(slab, this.at, from, to);
      this.at += length;
      return;
    }
    this.#seal();
    this.#list.push(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }

  /** Everything gathered, in order; the caller owns it. */
  take(): Buffer[] {
    this.#seal();
    this.#release();
    const list = this.#list;
    this.#list = [];
    this.pendingBytes = 0;
    this.controlBytes = 0;
    return list;
  }

  #seal(): void {
    if (this.slab === undefined || this.at === this.#from) return;
    this.#list.push(this.slab.subarray(this.#from, this.at));
    this.#from = this.at;
  }

  #release(): void {
    const { slab } = this;
    this.slab = undefined;
    if (slab !== undefined) giveSlab(slab, this.at);
  }
}
