/**
 * A socket that is written past its stream, by its handle, as long as the stream has nothing to do.
 */
import type net from 'node:net';

/** A write the system may finish later, as Node's own streams make them. */
export interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void;
  callback: ((error: Error | null) => void) | null;
  /** Kept here while the system reads it. */
  buffer: Buffer | null;
}

/** What Node writes a socket by. */
interface Handle {
  /** 0, or the error of a write of which nothing was taken. */
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
}

interface Inner extends net.Socket {
  readonly _handle: Handle | null;
}

/** What is common to sockets of TLS and others. */
export abstract class DirectWriter {
  protected readonly socket: net.Socket;
  /** Asked of the socket once it is connected, for that is a search among all kinds of sockets. */
  protected handle: Handle | null = null;
  /** The stream may have something under way or waiting. */
  #streams = false;

  constructor(socket: net.Socket) {
    this.socket = socket;
  }

  /** Bytes that were written and not taken. */
  get waitingBytes(): number {
    return this.#streams ? this.socket.writableLength : 0;
  }

  /** Writes `bytes`, which must not change any more; false: the stream of the socket may want a `drain` first. */
  abstract write(bytes: Buffer): boolean;

  /** Writes all of `list` by the stream; false as in {@link write}. */
  writeAll(list: readonly Buffer[]): boolean {
    this.#streams = true;
    return writeTogether(this.socket, list);
  }

  /** Whether what is written now has to wait, behind what the stream has to do or for the connection. */
  protected isBusy(): boolean {
    const socket = this.socket as Inner;
    if (this.handle === null) {
      if (socket.connecting) return true;
      this.handle = socket._handle;
    }
    if (this.#streams) this.#streams = socket.writableLength > 0;
    return this.#streams;
  }

  /** {@link write}, by the stream. */
  protected stream(bytes: Buffer): boolean {
    this.#streams = true;
    return this.socket.write(bytes);
  }
}

/** Writes `list` by the stream of `socket` in one go; false: it wants a `drain` first. */
export function writeTogether(socket: net.Socket, list: readonly Buffer[]): boolean {
  socket.cork();
  for (const bytes of list) socket.write(bytes);
  socket.uncork();
  return !socket.writableNeedDrain;
}
