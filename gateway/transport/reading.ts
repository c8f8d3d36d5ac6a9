/**
 * How sockets are read: all of them into one buffer of the process, from which what came is copied.
 *
 * Left alone, Node makes a buffer of 64 KiB for every read, cuts it to what came and passes it through
 * a stream, which together costs more than the rest of a small request. It can read into a buffer it is
 * given instead, but offers that (`onread`) only to sockets that connect, not to those accepted or those
 * of TLS. So it is done here by the hooks that `onread` itself uses; where they are not as expected,
 * {@link readInto} says so and sockets are read as streams.
 *
 * Whoever is given bytes may keep them, so what it keeps must not hold much more than itself: bounds
 * count bytes, not what they lie in. Up to {@link SMALL_BYTES}, reads share slabs of {@link SLAB_BYTES}, and those of
 * TLS, which come in records of 16 KiB anyway, slabs of that size; above, each has a buffer of exactly its size. Content
 * that waits is put together in pieces of ours up to the same sizes (http/piece.ts), so a slab kept for a few bytes is no
 * more than such a piece.
 */
import net from 'node:net';

/** Reads up to this length share slabs. */
export const SMALL_BYTES = 1_024;
/** Slabs that small reads are copied into. */
export const SLAB_BYTES = 8 * 1_024;

/** Which reads share slabs. */
export interface Shares {
  /** Reads up to this length. */
  readonly readBytes: number;
  readonly slabBytes: number;
}

const PLAIN: Shares = { readBytes: SMALL_BYTES, slabBytes: SLAB_BYTES };
/** Of sockets of TLS. */
export const SECURE: Shares = { readBytes: 4 * 1_024, slabBytes: 16 * 1_024 };
/**
 * After so many bytes of buffers the young generation is collected. Most of them are garbage by then, but
 * V8, which sees little else being made, would wait until 32 MiB are there and then collect everything.
 */
const YOUNG_BYTES = 8 * 1_024 * 1_024;
/** What is read at once; the system is asked again when as much as this came. */
const READ_BYTES = 64 * 1_024;

/** Is told of `bytes[from, to)`, which never change; false: no more is to be read now. */
export type Reader = (this: net.Socket, bytes: Buffer, from: number, to: number) => boolean;

/** The buffer all sockets are read into: copied from before anything else happens. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES);
const NO_SLAB = Buffer.alloc(0);

let madeBytes = 0;

/** There with `--expose-gc`, which workers run with. */
const collectYoung = globalThis.gc;

/** What Node calls with every read. */
type Hook = (this: net.Socket, length: number, buffer: Buffer) => boolean;

/** The properties of a socket by which Node reads into a buffer it is given. */
interface Hooks {
  readonly buffer: symbol;
  readonly callback: symbol;
}

interface Hooked extends net.Socket {
  [hook: symbol]: unknown;
  readonly _handle?: { useUserBuffer?: unknown } | null;
}

interface UserBufferHandle {
  useUserBuffer(buffer: Buffer): void;
}

const hooks = findHooks();

/**
 * A hook that has `reader` told of every read of a socket it is given to by {@link readInto}. One
 * serves all sockets of a kind.
 */
export function readHook(reader: Reader, { readBytes, slabBytes }: Shares = PLAIN): Hook {
  let slab = NO_SLAB;
  let slabAt = slabBytes;
  return function (this: net.Socket, length: number): boolean {
    if (length > readBytes) {
      make(length);
      const bytes = Buffer.from(shared.buffer.slice(0, length));
      return reader.call(this, bytes, 0, length);
    }
    let from = slabAt;
    let to = from + length;
    if (to > slabBytes) {
      make(slabBytes);
      slab = Buffer.allocUnsafeSlow(slabBytes);
      from = 0;
      to = length;
    }
    slabAt = to;
    // What lies before was given away and stays; what lies behind was never seen.
    shared.copy(slab, from, 0, length);
    return reader.call(this, slab, from, to);
  };
}

/** A buffer of so many bytes is to be made. */
function make(bytes: number): void {
  madeBytes += bytes;
  if (madeBytes < YOUNG_BYTES) return;
  madeBytes = 0;
  collectYoung?.({ type: 'minor', execution: 'sync' });
}

/**
 * Has `socket`, connected or connecting, read into the shared buffer from now on and `hook` called with
 * every read. False: this Node cannot, nothing was changed. What has been read before stays in the
 * socket's stream, where the end will be told too.
 */
export function readInto(socket: net.Socket, hook: Hook): boolean {
  if (hooks === undefined) return false;
  const hooked = socket as Hooked;
  if (hooked[hooks.buffer] !== null || hooked[hooks.callback] !== null) return false;
  const handle = hooked._handle;
  // Without a handle it has not begun to connect; its handle will be told.
  if (handle != null) {
    if (typeof handle.useUserBuffer !== 'function') return false;
    (handle as UserBufferHandle).useUserBuffer(shared);
  }
  hooked[hooks.callback] = hook;
  hooked[hooks.buffer] = shared;
  return true;
}

/** Looks at a socket that is of no other use. */
function findHooks(): Hooks | undefined {
  const socket = new net.Socket();
  const own = Object.getOwnPropertySymbols(socket);
  const named = (description: string) => own.find((each) => each.description === description);
  const buffer = named('kBuffer');
  const callback = named('kBufferCb');
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback };
}
