/**
 * What the HTTP/1 parser tells: heads, framing, and the sink that hears of them. pure
 */

/**
 * Where a message ends: at its head; after `length` bytes; after the last chunk; with the connection;
 * or never, because another protocol begins (101, or 2xx to CONNECT).
 */
export interface Framing {
  readonly kind: 'none' | 'length' | 'chunked' | 'untilClose' | 'raw';
  /** Bytes of content for `length`; 0 otherwise. */
  readonly length: number;
}

export const FRAMING_NONE: Framing = { kind: 'none', length: 0 };
export const FRAMING_CHUNKED: Framing = { kind: 'chunked', length: 0 };
export const FRAMING_UNTIL_CLOSE: Framing = { kind: 'untilClose', length: 0 };
export const FRAMING_RAW: Framing = { kind: 'raw', length: 0 };

/** Those of up to so many bytes are shared. */
const SHARED_MAX = 1_023;
const shared: Framing[] = Array.from({ length: SHARED_MAX + 1 }, (_, length) => ({
  kind: 'length',
  length,
}));

/** Content of `length` bytes. */
export function framingOfLength(length: number): Framing {
  return length <= SHARED_MAX ? (shared[length] as Framing) : { kind: 'length', length };
}

/** The head of a message; one shape for both roles, so that what handles heads stays monomorphic. */
export interface Head {
  /** Of a request; empty in a response. */
  readonly method: string;
  /** The request target as received; empty in a response. */
  readonly target: string;
  /** Path and query of the target, `*` for asterisk-form, empty for CONNECT and in a response. */
  readonly path: string;
  /** Host and port the request is for, from the target or else Host; empty in a response. */
  readonly authority: string;
  /** Of a response; 0 in a request. */
  readonly status: number;
  readonly reason: string;
  /** 0 or 1: HTTP/1.0 or HTTP/1.1. */
  readonly minor: number;
  /** Flat list name, value, name, value… in the order received; names in lower case. */
  readonly headers: string[];
  /** What {@link headers} hold: bits of `SEEN`. */
  readonly seen: number;
  readonly framing: Framing;
  /** Whether another message may follow on this connection, as far as this side says. */
  readonly keepAlive: boolean;
  /** The client waits for 100 before it sends the content (RFC 9110 section 10.1.1). */
  readonly expectContinue: boolean;
  /** Value of Upgrade where Connection names it; empty otherwise. */
  readonly upgrade: string;
}

/** Who hears what a parser reads. Methods are called in the order of the bytes; none may throw. */
export interface MessageSink {
  /** A head; 1xx responses come as heads of their own, each followed by `onEnd`. */
  onHead(head: Head): void;
  /** Content is `chunk[from, to)`; the bytes belong to whoever called `execute`. */
  onBody(chunk: Buffer, from: number, to: number): void;
  /** The trailer section, if it is not empty; a list like `Head.headers`. */
  onTrailers(trailers: string[]): void;
  /** The message is complete. */
  onEnd(): void;
}
