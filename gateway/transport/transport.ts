/**
 * A connected socket as the codecs use it: bytes in, gathered writes out, both ends closed apart.
 *
 * Promises: `onClosed` comes exactly once, last; bytes given to `write` are not copied and must not
 * change; nobody is called after `destroy` but for `onClosed`.
 */
import type { Socket } from 'node:net';
import { type Flushable, flushAtTurnEnd } from './turn.ts';

/** What a {@link Transport} tells its owner. */
export interface TransportOwner extends Flushable {
  /** `bytes[from, to)` came; they never change and may be kept. */
  onBytes(bytes: Buffer, from: number, to: number): void;
  /** The far side ended its half: no more bytes come. */
  onEnd(): void;
  /** A {@link Transport.full} transport has room again. */
  onRoom(): void;
  /** The connection is gone, both ways; `error` where it broke. */
  onClosed(error: NodeJS.ErrnoException | undefined): void;
}

export class Transport {
  readonly socket: Socket;
  /** Who is told; changes hands once, when the protocol has been told apart. */
  owner: TransportOwner;
  #flushing = false;
  #error: NodeJS.ErrnoException | undefined;
  #ended = false;

  /**
   * Takes `socket` over and begins to read; it must have been made with `allowHalfOpen`. Without an
   * owner, one must be set in the same turn.
   */
  constructor(socket: Socket, owner: TransportOwner = NOBODY) {
    this.socket = socket;
    this.owner = owner;
    (socket as Carrier)[CARRIED] = this;
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  /** For the listeners of this file alone. */
  fail(error: NodeJS.ErrnoException): void {
    this.#error ??= error;
  }

  /** For the listeners of this file alone. */
  closed(): void {
    this.owner.onClosed(this.#error);
  }

  /** Whether more has been written than the system takes: wait for `onRoom`. */
  get full(): boolean {
    return this.socket.writableNeedDrain;
  }

  /** Bytes written that the system has not taken. */
  get waitingBytes(): number {
    return this.socket.writableLength;
  }

  /**
   * Changes with every piece the system takes of what waits: a stream counts a write as waiting until
   * all of it has left, only its handle knows what is left of it.
   */
  get outputMark(): number {
    const { socket } = this;
    return socket.writableLength + ((socket as Carrier)._handle?.writeQueueSize ?? 0);
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }

  /** Has `flush` of the owner called at the end of this turn, once however often it is asked for. */
  wantFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    flushAtTurnEnd(this);
  }

  /** For {@link flushAtTurnEnd} alone. */
  flush(): void {
    this.#flushing = false;
    if (!this.socket.destroyed) this.owner.flush();
  }

  /** Writes `list` in one go. */
  write(list: readonly Buffer[]): void {
    const { socket } = this;
    if (socket.destroyed || this.#ended) return;
    if (list.length === 1) {
      socket.write(list[0] as Buffer);
      return;
    }
    socket.cork();
    for (const bytes of list) socket.write(bytes);
    socket.uncork();
  }

  /** Reads no further until {@link resume}. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Ends our half after what was written. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.socket.end();
  }

  /** Ends both halves now; what the system has not taken is lost. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Ends both halves with a RST, so that the far side can tell (RFC 9293 section 3.10.7). */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

const CARRIED = Symbol('transport');

/** A socket with its transport: listeners shared by all sockets cost an idle one nothing. */
interface Carrier extends Socket {
  [CARRIED]: Transport;
  readonly _handle?: { readonly writeQueueSize: number } | null;
}

function onData(this: Carrier, bytes: Buffer): void {
  this[CARRIED].owner.onBytes(bytes, 0, bytes.length);
}

function onEnd(this: Carrier): void {
  this[CARRIED].owner.onEnd();
}

function onDrain(this: Carrier): void {
  this[CARRIED].owner.onRoom();
}

function onError(this: Carrier, error: NodeJS.ErrnoException): void {
  this[CARRIED].fail(error);
}

function onClose(this: Carrier): void {
  this[CARRIED].closed();
}

const NOBODY: TransportOwner = {
  onBytes: () => undefined,
  onEnd: () => undefined,
  onRoom: () => undefined,
  onClosed: () => undefined,
  flush: () => undefined,
};
