/**
 * Requests and answers as the data path hands them on, whatever protocol they came in. pure
 */

/** Header fields as a flat list: name, value, name, value…; names in lower case. */
export type RawHeaders = readonly string[];

export const NO_HEADERS: RawHeaders = [];

/** What a client or a pod speaks. */
export type HttpVersion = 'http1' | 'http2';

/** Content of unknown length: it ends when its sender says so. */
export const LENGTH_UNKNOWN = -1;

/**
 * Names whose values no hop may put into a table of header compression, as their sender asked (RFC 7541 section
 * 6.2.3); credentials never are, named here or not.
 */
export type NeverIndexed = ReadonlySet<string> | undefined;

/** The head of a request. */
export interface RequestHead {
  /** `CONNECT` for an opaque connection; never for an upgrade, whatever it is called on the wire. */
  readonly method: string;
  /** Path and query, as the client wrote them; empty for an opaque connection. */
  readonly path: string;
  readonly authority: string;
  readonly headers: RawHeaders;
  /** What {@link headers} hold: bits of `SEEN`. */
  readonly seen: number;
  /** The protocol the client wants to switch to (`Upgrade`, or `:protocol` of RFC 8441); empty: none. */
  readonly upgrade: string;
  /** Bytes of content: 0 for none, {@link LENGTH_UNKNOWN}, or what was announced. */
  readonly length: number;
  /** What the client spoke. */
  readonly version: HttpVersion;
  readonly neverIndexed?: NeverIndexed;
}

/** The head of an answer. */
export interface ResponseHead {
  /** 101 only together with {@link upgrade}. */
  readonly status: number;
  readonly headers: RawHeaders;
  /** The protocol both sides have switched to: what follows is its bytes; empty: none. */
  readonly upgrade: string;
  /** Bytes of content, as in {@link RequestHead.length}. */
  readonly length: number;
  /** Whether the headers hold a `date`; else whoever answers a client adds one. */
  readonly dated?: boolean;
  readonly neverIndexed?: NeverIndexed;
}

/** The head of an answer as it came. */
export interface AnswerHead extends ResponseHead {
  /** What the headers hold: bits of `SEEN`. */
  readonly seen: number;
}

/** The first value of field `name` (lower case), or `undefined`. */
export function headerValue(headers: RawHeaders, name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] === name) return headers[at + 1];
  }
  return undefined;
}

/**
 * Whether an answer of `status` to `method` has no content, whatever its fields say (RFC 9110 section 6.4.1). What
 * follows 101 is content of another protocol, whatever asked for it.
 */
export function isBodiless(method: string, status: number): boolean {
  if (status === 101) return false;
  return method === 'HEAD' || status === 204 || status === 304 || status < 200;
}
