/**
 * A connected socket as the codecs use it: bytes in, gathered writes out, both ends closed apart.
 *
 * Promises: `onClosed` comes exactly once, last; bytes given to `write` are not copied and must not
 * change; nobody is called after `destroy` but for `onClosed`.
 */
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type DirectWriter, writeTogether } from './direct-writing.ts';
import { mayReadOn, type Reading } from './read-turns.ts';
import { type Reader, readHook, readInto, SECURE, SMALL_BYTES } from './reading.ts';
import { secureWriterOf } from './secure-writing.ts';
import { type Flushable, flushAtTurnEnd } from './turn.ts';
import { writerOf } from './writing.ts';

/** What a {@link Transport} tells its owner. */
export interface TransportOwner extends Flushable {
  /** `bytes[from, to)` came; they never change and may be kept. */
  onBytes(bytes: Buffer, from: number, to: number): void;
  /** The far side ended its half: no more bytes come. */
  onEnd(): void;
  /** A {@link Transport.full} transport has room again. */
  onRoom(): void;
  /** Nothing more can be written; {@link onClosed} follows. Only after {@link Transport.readLast}. */
  onUnwritable?(): void;
  /** The connection is gone, both ways; `error` where it broke. */
  onClosed(error: NodeJS.ErrnoException | undefined): void;
}

export class Transport implements Reading {
  readonly socket: Socket;
  /** Who is told; changes hands once, when the protocol has been told apart. */
  owner: TransportOwner;
  /** Whether more has been written than the system takes: wait for `onRoom`. */
  full = false;
  /** What is read goes straight to the owner: nothing waits in the stream of the socket. */
  #direct = false;
  #paused = false;
  #halted = false;
  readonly #tls: boolean;
  /** Of a socket that can be written past its stream. */
  readonly #writer: DirectWriter | undefined;
  #flushing = false;
  /** Ended by us, or closed: asking the socket costs two getters each time. */
  #gone = false;
  #error: NodeJS.ErrnoException | undefined;
  #ended = false;
  #unwritable = false;

  /**
   * Takes `socket` over and begins to read; it must have been made with `allowHalfOpen`. Without an
   * owner, one must be set in the same turn.
   */
  constructor(socket: Socket, owner: TransportOwner = NOBODY) {
    this.socket = socket;
    this.owner = owner;
    (socket as Carrier)[CARRIED] = this;
    this.#tls = 'encrypted' in socket;
    this.#writer = this.#tls ? secureWriterOf(socket as TLSSocket) : writerOf(socket);
    (socket as Carrier)._unrefTimer = noTimer;
    if (readInto(socket, this.#tls ? onSecureRead : onRead))
      this.#direct = socket.readableLength === 0;
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  /** For the listeners of this file alone. */
  fail(error: NodeJS.ErrnoException): void {
    this.#error ??= error;
    this.#gone = true;
    this.full = false;
  }

  /** For the listeners of this file alone. */
  closed(): void {
    this.#gone = true;
    this.full = false;
    this.owner.onClosed(this.#error);
  }

  /** For the listeners of this file alone. */
  drained(): void {
    this.full = false;
    this.owner.onRoom();
  }

  /** For {@link destroyOnceRead} alone. */
  unwritable(error: NodeJS.ErrnoException): void {
    if (this.#gone || this.#unwritable) return;
    this.#unwritable = true;
    this.owner.onUnwritable?.();
    // What came lies with the system: the turn after this one reads it, or the next if that has begun.
    let turns = 2;
    const last: Flushable = {
      flush: () => {
        turns -= 1;
        if (turns > 0) flushAtTurnEnd(last);
        else destroySocket.call(this.socket, error);
      },
    };
    flushAtTurnEnd(last);
  }

  /** For the listeners of this file alone; false: the stream of the socket has enough for now. */
  read(bytes: Buffer, from: number, to: number): boolean {
    if (this.#direct || this.#goesDirect()) {
      this.owner.onBytes(bytes, from, to);
      // A tunnel carries the answers to many, who would all wait; it has portions of its own.
      if (to - from <= SMALL_BYTES || this.#paused || this.#tls) return true;
      return mayReadOn(this, to - from);
    }
    // A paused socket is still read, a little: so its end is noticed.
    return this.socket.push(bytes.subarray(from, to));
  }

  #goesDirect(): boolean {
    this.#direct = !this.#paused && this.socket.readableLength === 0;
    return this.#direct;
  }

  /** Bytes written that the system has not taken. */
  get waitingBytes(): number {
    return this.#writer === undefined ? this.socket.writableLength : this.#writer.waitingBytes;
  }

  /**
   * Changes with every piece the system takes of what waits: a stream counts a write as waiting until
   * all of it has left, only its handle knows what is left of it.
   */
  get outputMark(): number {
    const { socket } = this;
    return socket.writableLength + ((socket as Carrier)._handle?.writeQueueSize ?? 0);
  }

  /** Changes with every byte that comes or goes; asked for now and then, not for each. */
  get movedBytes(): number {
    const handle = (this.socket as Carrier)._handle;
    return (handle?.bytesRead ?? 0) + (handle?.bytesWritten ?? 0) + this.outputMark;
  }

  get destroyed(): boolean {
    return this.#gone;
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
    if (!this.#gone) this.owner.flush();
  }

  /** Writes `list` in one go. */
  write(list: readonly Buffer[]): void {
    const { socket } = this;
    if (this.#gone || this.#ended) return;
    const writer = this.#writer;
    if (list.length === 1) {
      const bytes = list[0] as Buffer;
      const taken = writer === undefined ? socket.write(bytes) : writer.write(bytes);
      if (!taken) this.full = socket.writableNeedDrain;
      return;
    }
    this.full = !(writer === undefined ? writeTogether(socket, list) : writer.writeAll(list));
  }

  /**
   * From now on what came is read before the connection is given up for a write that failed. A server that wants no more of a
   * request answers and closes, and what still reaches it is met by a RST (RFC 9112 section 9.6), of which whoever writes
   * hears before it has read the answer.
   */
  readLast(): void {
    this.socket.destroy = destroyOnceRead;
  }

  /** Reads no further until {@link resume}. */
  pause(): void {
    this.#paused = true;
    this.#direct = false;
    pauseStream.call(this.socket);
  }

  /** Reads nothing at all until {@link resume}, which also tells an end that comes meanwhile: all stays with the system. */
  halt(): void {
    this.#halted = true;
    this.#paused = true;
    this.#direct = false;
    this.socket.pause();
  }

  /** For {@link mayReadOn} alone. */
  readOn(): void {
    if (this.#gone || this.#halted) return;
    const paused = this.#paused;
    // Has the system read again; of a paused one only as much as shows its end.
    this.socket.resume();
    if (paused) pauseStream.call(this.socket);
  }

  resume(): void {
    this.#halted = false;
    this.#paused = false;
    this.socket.resume();
  }

  /** Ends our half after what was written. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.full = false;
    this.socket.end();
  }

  /** Ends both halves now; what the system has not taken is lost. */
  destroy(): void {
    this.#gone = true;
    this.full = false;
    this.socket.destroy();
  }

  /** Ends both halves with a RST, so that the far side can tell (RFC 9293 section 3.10.7). */
  reset(): void {
    this.#gone = true;
    this.full = false;
    this.socket.resetAndDestroy();
  }
}

/** That of a socket would not see the end of one that is read into a buffer of ours. */
const pauseStream = Readable.prototype.pause;

const CARRIED = Symbol('transport');

/** A socket with its transport: listeners shared by all sockets cost an idle one nothing. */
interface Carrier extends Socket {
  [CARRIED]: Transport;
  readonly _handle?: {
    readonly writeQueueSize: number;
    readonly bytesRead: number;
    readonly bytesWritten: number;
  } | null;
  /** Called with every read and write. */
  _unrefTimer: () => void;
}

const { destroy: destroySocket } = Socket.prototype;

/** What the stream of a socket ends itself by. */
function destroyOnceRead<T extends Socket>(this: T, error?: NodeJS.ErrnoException): T {
  if (error?.syscall !== 'write') return destroySocket.call(this, error) as T;
  (this as unknown as Carrier)[CARRIED].unwritable(error);
  return this;
}

/** Connections are timed together (`connections.ts`), so that no socket has a timer that has to be set back. */
const noTimer = () => undefined;

const read: Reader = function (this: Socket, bytes, from, to) {
  return (this as Carrier)[CARRIED].read(bytes, from, to);
};

const onRead = readHook(read);
const onSecureRead = readHook(read, SECURE);

/** What the stream of a socket held, or all, where {@link readInto} cannot. */
function onData(this: Carrier, bytes: Buffer): void {
  this[CARRIED].owner.onBytes(bytes, 0, bytes.length);
}

function onEnd(this: Carrier): void {
  this[CARRIED].owner.onEnd();
}

function onDrain(this: Carrier): void {
  this[CARRIED].drained();
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
