/**
 * Which protocol a connection speaks, from its first bytes. pure
 *
 * HTTP/1.x begins with a method of token characters and a space (RFC 9112 section 3), after empty lines where a client
 * sends some (section 2.2), HTTP/2 with its connection preface (RFC 9113 section 3.4); everything else is opaque.
 */
import { LEADING_EMPTY_LINES_MAX } from '../wire/http1/limits.ts';

/** `undecided`: more bytes are needed. */
export type Detected = 'http1' | 'http2' | 'opaque' | 'undecided';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const METHOD_BYTES_MAX = 20;
const TOKEN = /^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]*$/;
const REQUEST_BEGUN = /^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]* \//;
const REQUEST_LINE = /^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]* \S+ HTTP\/1\.\d\r?\n/;
const EMPTY_LINES = new RegExp(`^(\\r?\\n){0,${LEADING_EMPTY_LINES_MAX}}`);
/** A request line longer than this is taken for HTTP/1 by its method alone. */
export const PEEK_BYTES_MAX = 1_024;

/** What `bytes`, the first of a connection, are. */
export function detect(bytes: Buffer): Detected {
  const shared = Math.min(bytes.length, PREFACE.length);
  if (PREFACE.compare(bytes, 0, shared, 0, shared) === 0) {
    return bytes.length >= PREFACE.length ? 'http2' : 'undecided';
  }
  const text = peek(bytes);
  // Servers pass over empty lines: what follows is a request to them, and must be one to us.
  if (text === '' || text === '\r') return 'undecided';
  const space = text.indexOf(' ');
  if (space < 0) {
    return text.length <= METHOD_BYTES_MAX && TOKEN.test(text) ? 'undecided' : 'opaque';
  }
  if (space > METHOD_BYTES_MAX || !TOKEN.test(text.slice(0, space))) return 'opaque';
  if (text.includes('\n')) return REQUEST_LINE.test(text) ? 'http1' : 'opaque';
  return bytes.length >= PEEK_BYTES_MAX ? 'http1' : 'undecided';
}

/**
 * What a client speaks that sent `bytes`, nothing that decides, and then no more in time. A request line
 * that was begun stays one: else a slow one would pass by every rule for requests.
 */
export function detectSilent(bytes: Buffer | undefined): Exclude<Detected, 'undecided' | 'http2'> {
  const text = bytes === undefined ? '' : peek(bytes);
  return REQUEST_BEGUN.test(text) ? 'http1' : 'opaque';
}

/** The first bytes as text, without the empty lines before them. */
function peek(bytes: Buffer): string {
  return bytes.toString('latin1', 0, PEEK_BYTES_MAX).replace(EMPTY_LINES, '');
}
