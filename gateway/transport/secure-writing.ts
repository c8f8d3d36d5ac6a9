/**
 * How sockets of TLS are written: by their handle, and through their stream only while something is under way.
 *
 * TLS tells in the next turn that it has taken a write, even where the system took it at once. For that a stream makes a
 * record of each write, counts it in and out, and has callbacks called later; here two records serve all writes of a
 * socket. A handle takes one write at a time: what the stream wants written or ended meanwhile waits for ours.
 */
import net from 'node:net';
import type { TLSSocket } from 'node:tls';
import { DirectWriter, type WriteRequest } from './direct-writing.ts';
import { failed, newRequest } from './writing.ts';

/** Longer writes go through the stream, which says when a socket is full. */
const DIRECT_BYTES_MAX = 32 * 1_024;

interface SecureRequest extends WriteRequest {
  writer: SecureWriter;
}

/** Writes one socket of TLS. */
export class SecureWriter extends DirectWriter {
  /** One may still be held by the system while it tells that it has done with it. */
  #request: SecureRequest;
  #spare: SecureRequest;
  /** Bytes of a write of ours that is under way. */
  #busyBytes = 0;
  /** What the stream wants done, one thing at a time. */
  #held: (() => void) | undefined;

  /** For {@link secureWriterOf} alone. */
  constructor(socket: TLSSocket, one: WriteRequest, other: WriteRequest) {
    super(socket);
    this.#request = Object.assign(one, { writer: this, oncomplete });
    this.#spare = Object.assign(other, { writer: this, oncomplete });
    const { _write, _writev, _final } = socket;
    socket._write = (bytes, encoding, done) =>
      this.#afterOurs(() => _write.call(socket, bytes, encoding, done));
    socket._writev = (list, done) => this.#afterOurs(() => _writev?.call(socket, list, done));
    socket._final = (done) => this.#afterOurs(() => _final.call(socket, done));
  }

  override get waitingBytes(): number {
    return this.#busyBytes + super.waitingBytes;
  }

  override write(bytes: Buffer): boolean {
    const { length } = bytes;
    if (this.#busyBytes > 0 || length > DIRECT_BYTES_MAX || this.isBusy())
      return this.stream(bytes);
    const request = this.#request;
    // What fails fails again in the stream, which tells whom it concerns.
    if (this.handle?.writeBuffer(request, bytes) !== 0) return this.stream(bytes);
    this.#request = this.#spare;
    this.#spare = request;
    this.#busyBytes = length;
    return true;
  }

  /** For the requests of this file alone: our write is over, with an error of the system below 0. */
  complete(status: number): void {
    this.#busyBytes = 0;
    if (status < 0) this.socket.destroy(failed(status));
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  #afterOurs(act: () => void): void {
    if (this.#busyBytes > 0) this.#held = act;
    else act();
  }
}

function oncomplete(this: WriteRequest, status: number): void {
  (this as SecureRequest).writer.complete(status);
}

/** The writer of `socket`; `undefined`: it, or this Node, cannot be written so. */
export function secureWriterOf(socket: TLSSocket): SecureWriter | undefined {
  const one = newRequest();
  const other = newRequest();
  // What only behaves as a socket has no handle.
  if (one === undefined || other === undefined || !(socket instanceof net.Socket)) return undefined;
  return new SecureWriter(socket, one, other);
}
