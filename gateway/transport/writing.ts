/**
 * How sockets are written: straight to the system, and through the stream of the socket only when that takes no more.
 *
 * Nearly every write is taken at once. A stream then still counts it in, makes a request for the system that nobody
 * waits for, counts it out and has a callback called later, which together cost more than the rest of a small answer.
 * Here the handle is asked first; what it did not take becomes the stream's own write under way, so that order, `drain`,
 * `end` and errors are the stream's as ever. Where Node is not as expected, all goes through the stream.
 */
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { DirectWriter, type WriteRequest } from './direct-writing.ts';

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
}

const binding = findBinding();
/** Used again and again, as long as the system takes all of it at once. */
let spare = binding === undefined ? undefined : request(binding);
/** Under way already, when the stream is told to write it. */
let adopted: WriteRequest | undefined;

/** Writes one socket, which must not be one of TLS. */
export class SocketWriter extends DirectWriter {
  /** For {@link writerOf} alone. */
  constructor(socket: net.Socket) {
    super(socket);
    socket._write = write;
  }

  override write(bytes: Buffer): boolean {
    if (this.isBusy() || binding === undefined || spare === undefined) return this.stream(bytes);
    const { streamBaseState, kLastWriteWasAsync } = binding;
    // Nothing was taken of what fails, and the stream fails in the same way and tells whom it concerns.
    if (this.handle?.writeBuffer(spare, bytes) !== 0) return this.stream(bytes);
    if (streamBaseState[kLastWriteWasAsync] === 0) return true;
    adopted = spare;
    adopted.buffer = bytes;
    spare = request(binding);
    const taken = this.stream(bytes);
    // A stream that has failed writes nothing more.
    adopted = undefined;
    return taken;
  }
}

/** The writer of `socket`, which must not be one of TLS; `undefined`: it, or this Node, cannot be written so. */
export function writerOf(socket: net.Socket): SocketWriter | undefined {
  // What only behaves as a socket has no handle.
  if (binding === undefined || !(socket instanceof net.Socket)) return undefined;
  return new SocketWriter(socket);
}

function write(this: net.Socket, bytes: Buffer, encoding: BufferEncoding, done: Done): void {
  if (adopted === undefined) {
    net.Socket.prototype._write.call(this, bytes, encoding, done);
    return;
  }
  adopted.callback = done;
  adopted = undefined;
}

type Done = (error?: Error | null) => void;

/** A request of its own; `undefined`: this Node is not as expected. */
export function newRequest(): WriteRequest | undefined {
  return binding === undefined ? undefined : request(binding);
}

function request({ WriteWrap }: StreamBinding): WriteRequest {
  const made = new WriteWrap();
  made.oncomplete = onComplete;
  return made;
}

function onComplete(this: WriteRequest, status: number): void {
  this.buffer = null;
  this.callback?.(status < 0 ? failed(status) : null);
}

/** The error a stream of Node's has for a write that failed with `errno`. */
export function failed(errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`write ${code}`), { errno, code, syscall: 'write' });
}

function findBinding(): StreamBinding | undefined {
  const { binding: of } = process as { binding?: (name: string) => unknown };
  try {
    const found = of?.call(process, 'stream_wrap') as Partial<StreamBinding> | undefined;
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = found ?? {};
    if (typeof WriteWrap !== 'function' || !(streamBaseState instanceof Int32Array)) return;
    if (typeof kLastWriteWasAsync !== 'number') return undefined;
    return { WriteWrap, streamBaseState, kLastWriteWasAsync };
  } catch {
    // A permission that is missing, or a Node without it: streams serve as well.
    return undefined;
  }
}
