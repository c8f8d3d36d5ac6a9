/**
 * What connections say, on one TLS connection: a number, a length and the bytes as they came. Everything of a turn of the
 * event loop leaves in one write.
 */
import type { Socket } from 'node:net';
import { Transport, type TransportOwner } from '#gateway/transport/transport.ts';

/** Two bytes of a connection's number, four of a length. */
const HEADER_BYTES = 6;
const SLAB_BYTES = 256 * 1_024;
/** No read is longer. */
const PIECE_BYTES_MAX = 64 * 1_024;
const NOTHING: Buffer = Buffer.alloc(0);

/** Is told of `bytes[from, to)` of connection `number`. */
export type Hears = (number: number, bytes: Buffer, from: number, to: number) => void;

export class Link implements TransportOwner {
  readonly #transport: Transport;
  readonly #hears: Hears;
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** What is written of the slab, and what of that has left. */
  #to = 0;
  #from = 0;
  /** A piece that is not whole. */
  #rest = NOTHING;

  constructor(socket: Socket, hears: Hears) {
    this.#hears = hears;
    this.#transport = new Transport(socket, this);
  }

  say(number: number, bytes: Buffer, from: number, to: number): void {
    if (this.#to + HEADER_BYTES + PIECE_BYTES_MAX > SLAB_BYTES) {
      this.flush();
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#from = 0;
      this.#to = 0;
    }
    const at = this.#slab.writeUInt32BE(to - from, this.#slab.writeUInt16BE(number, this.#to));
    this.#to = at + bytes.copy(this.#slab, at, from, to);
    this.#transport.wantFlush();
  }

  flush(): void {
    if (this.#from === this.#to) return;
    this.#transport.write([this.#slab.subarray(this.#from, this.#to)]);
    this.#from = this.#to;
  }

  onBytes(chunk: Buffer, start: number, end: number): void {
    let bytes = chunk;
    let from = start;
    let to = end;
    if (this.#rest.length > 0) {
      bytes = Buffer.concat([this.#rest, chunk.subarray(start, end)]);
      from = 0;
      to = bytes.length;
    }
    while (to - from >= HEADER_BYTES) {
      const next = from + HEADER_BYTES + bytes.readUInt32BE(from + 2);
      if (next > to) break;
      this.#hears(bytes.readUInt16BE(from), bytes, from + HEADER_BYTES, next);
      from = next;
    }
    this.#rest = from === to ? NOTHING : Buffer.from(bytes.subarray(from, to));
  }

  onEnd(): void {
    this.#transport.end();
  }

  onRoom(): void {
    // It carries small answers to those who wait for them: nothing piles up.
  }

  onClosed(): void {
    // The pair ends with the bench.
  }
}
