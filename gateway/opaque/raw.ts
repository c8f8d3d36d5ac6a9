/**
 * A socket whose bytes mean nothing to us: read by credit, written once a turn, its halves ended apart.
 */
import type { Transport, TransportOwner } from '../transport/transport.ts';

/** Bytes of one direction of an opaque connection that a gateway holds at most. */
export const OPAQUE_BYTES_MAX = 256 * 1024;

/** More pieces than this of fewer bytes each are put together. */
const SCATTERED = 8;
const SCATTERED_BYTES = 1_024;

/** What a kind of opaque end makes of what its socket tells. */
export interface RawListener {
  onRead(bytes: Buffer, from: number, to: number): void;
  onReadEnd(): void;
  /** `bytes` given to {@link RawStream.write} have left. */
  onWritten(bytes: number): void;
  onClosed(error: NodeJS.ErrnoException | undefined): void;
}

export class RawStream implements TransportOwner {
  readonly transport: Transport;
  readonly #listener: RawListener;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #unsentBytes = 0;
  #unreadBytes = 0;
  #ending = false;

  /** Takes `transport` over, which does not read until {@link start}. */
  constructor(transport: Transport, listener: RawListener) {
    this.transport = transport;
    this.#listener = listener;
    transport.pause();
    transport.owner = this;
  }

  start(): void {
    this.transport.resume();
  }

  write(bytes: Buffer, from: number, to: number): void {
    if (to > from) this.#pending.push(bytes.subarray(from, to));
    this.#pendingBytes += to - from;
    this.transport.wantFlush();
  }

  /** Ends our half after what was written. */
  end(): void {
    this.#ending = true;
    this.transport.wantFlush();
  }

  /** `bytes` read have left. */
  consumed(bytes: number): void {
    const before = this.#unreadBytes;
    this.#unreadBytes -= bytes;
    const half = OPAQUE_BYTES_MAX / 2;
    if (before >= half && this.#unreadBytes < half) this.transport.resume();
  }

  /** Breaks both halves off, so that the far side can tell. */
  reset(): void {
    this.transport.reset();
  }

  flush(): void {
    const bytes = this.#pendingBytes;
    if (bytes > 0) {
      const list = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      // A write of its own for every few bytes would cost more than they are.
      const scattered = list.length > SCATTERED && bytes / list.length < SCATTERED_BYTES;
      this.transport.write(scattered ? [Buffer.concat(list, bytes)] : list);
      if (this.transport.full) this.#unsentBytes += bytes;
      else this.#listener.onWritten(bytes);
    }
    if (this.#ending) this.transport.end();
  }

  onBytes(bytes: Buffer, from: number, to: number): void {
    this.#unreadBytes += to - from;
    if (this.#unreadBytes >= OPAQUE_BYTES_MAX) this.transport.pause();
    this.#listener.onRead(bytes, from, to);
  }

  onEnd(): void {
    this.#listener.onReadEnd();
  }

  onRoom(): void {
    const bytes = this.#unsentBytes;
    this.#unsentBytes = 0;
    if (bytes > 0) this.#listener.onWritten(bytes);
  }

  onClosed(error: NodeJS.ErrnoException | undefined): void {
    this.#listener.onClosed(error);
  }
}
