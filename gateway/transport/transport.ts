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
  /** Bytes that came; they belong to the owner and never change. */
  onBytes(bytes: Buffer): void;
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

  /** Takes `socket` over and begins to read; it must have been made with `allowHalfOpen`. */
  constructor(socket: Socket, owner: TransportOwner) {
    this.socket = socket;
    this.owner = owner;
    socket.on('data', (bytes: Buffer) => this.owner.onBytes(bytes));
    socket.on('end', () => this.owner.onEnd());
    socket.on('drain', () => this.owner.onRoom());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error ??= error;
    });
    socket.once('close', () => this.owner.onClosed(this.#error));
  }

  /** Whether more has been written than the system takes: wait for `onRoom`. */
  get full(): boolean {
    return this.socket.writableNeedDrain;
  }

  /** Bytes written that the system has not taken. */
  get waitingBytes(): number {
    return this.socket.writableLength;
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
