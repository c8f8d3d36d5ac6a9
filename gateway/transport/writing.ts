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

/** A write the system may finish later, as Node's own streams make them. */
interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void;
  callback: ((error: Error | null) => void) | null;
  /** Kept here while the system reads it. */
  buffer: Buffer | null;
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
}

interface Handle {
  /** 0, or the error of a write of which nothing was taken. */
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
}

interface Inner extends net.Socket {
  readonly _handle: Handle | null;
}

const binding = findBinding();
/** Used again and again, as long as the system takes all of it at once. */
let spare = binding === undefined ? undefined : request(binding);
/** Under way already, when the stream is told to write it. */
let adopted: WriteRequest | undefined;

/** Has `socket`, which must not be one of TLS, written by {@link writeNow}. False: it, or this Node, cannot be. */
export function writeDirectly(socket: net.Socket): boolean {
  // What only behaves as a socket has no handle.
  if (binding === undefined || !(socket instanceof net.Socket)) return false;
  socket._write = write;
  return true;
}

/**
 * Writes `bytes`, which must not change any more, to a socket given to {@link writeDirectly}, whose stream may be
 * writing something else; false: the stream of the socket wants a `drain` first.
 */
export function writeNow(socket: net.Socket, bytes: Buffer): boolean {
  const handle = (socket as Inner)._handle;
  if (handle === null || binding === undefined || spare === undefined) return socket.write(bytes);
  if (socket.connecting || socket.writableLength > 0) return socket.write(bytes);
  const { streamBaseState, kLastWriteWasAsync } = binding;
  // Nothing was taken of what fails, and the stream fails in the same way and tells whom it concerns.
  if (handle.writeBuffer(spare, bytes) !== 0) return socket.write(bytes);
  if (streamBaseState[kLastWriteWasAsync] === 0) return true;
  adopted = spare;
  adopted.buffer = bytes;
  spare = request(binding);
  const taken = socket.write(bytes);
  // A stream that has failed writes nothing more.
  adopted = undefined;
  return taken;
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

function request({ WriteWrap }: StreamBinding): WriteRequest {
  const made = new WriteWrap();
  made.oncomplete = onComplete;
  return made;
}

function onComplete(this: WriteRequest, status: number): void {
  this.buffer = null;
  this.callback?.(status < 0 ? failed(status) : null);
}

/** The error a stream of Node's has for it. */
function failed(errno: number): NodeJS.ErrnoException {
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
