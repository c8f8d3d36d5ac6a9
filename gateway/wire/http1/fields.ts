/**
 * What the fields of one head say about framing and the connection. pure
 *
 * RFC 9112 section 6 leaves a recipient choices where fields disagree; none is used here: a head whose
 * framing could be read in two ways is refused.
 */
import { CONTENT_LENGTH_DIGITS_MAX } from './limits.ts';
import {
  FIELD_CONNECTION,
  FIELD_CONTENT_LENGTH,
  FIELD_EXPECT,
  FIELD_HOST,
  FIELD_PROXY_CONNECTION,
  FIELD_TRANSFER_ENCODING,
  FIELD_UPGRADE,
} from './names.ts';
import type { RuleCode } from './rules.ts';

/** Collected while the list of fields is built; used again for every head. */
export class FieldFacts {
  /** -1: none. */
  length = -1;
  chunked = false;
  hasHost = false;
  host = '';
  closes = false;
  keepsAlive = false;
  namesUpgrade = false;
  upgrade = '';
  expectsContinue = false;
  /** Bits of `SEEN`. */
  seen = 0;

  reset(): void {
    this.seen = 0;
    this.length = -1;
    this.chunked = false;
    this.hasHost = false;
    this.host = '';
    this.closes = false;
    this.keepsAlive = false;
    this.namesUpgrade = false;
    this.upgrade = '';
    this.expectsContinue = false;
  }

  /** Takes a field of one of the `FIELD_` kinds; returns the rule it breaks, if any. */
  take(kind: number, value: string): RuleCode | undefined {
    switch (kind) {
      case FIELD_CONTENT_LENGTH:
        // "5, 5" is the repeated field, joined by a proxy (RFC 9110 section 8.6).
        if (this.length >= 0 || value.includes(',')) return 'CONTENT_LENGTH_REPEATED';
        this.length = contentLength(value);
        return this.length < 0 ? 'CONTENT_LENGTH_INVALID' : undefined;
      case FIELD_TRANSFER_ENCODING:
        return this.#coding(value);
      case FIELD_HOST:
        if (this.hasHost) return 'HOST_REPEATED';
        this.hasHost = true;
        this.host = value;
        return undefined;
      case FIELD_CONNECTION:
        this.#connection(value);
        return undefined;
      case FIELD_PROXY_CONNECTION:
        // Not a field of any RFC; a sender that says "close" there is taken at its word.
        if (hasToken(value, 'close')) this.closes = true;
        return undefined;
      case FIELD_EXPECT:
        if (hasToken(value, '100-continue')) this.expectsContinue = true;
        return undefined;
      case FIELD_UPGRADE:
        this.upgrade = this.upgrade === '' ? value : `${this.upgrade}, ${value}`;
        return undefined;
      default:
        return undefined;
    }
  }

  #coding(value: string): RuleCode | undefined {
    if (this.chunked) {
      return hasToken(value, 'chunked') ? 'TRANSFER_ENCODING_REPEATED' : 'CHUNKED_NOT_LAST';
    }
    if (value !== 'chunked') {
      const codings = value.toLowerCase().split(',').map(trimmed);
      const first = codings.indexOf('chunked');
      if (first >= 0 && codings.indexOf('chunked', first + 1) > 0)
        return 'TRANSFER_ENCODING_REPEATED';
      if (first >= 0 && first < codings.length - 1) return 'CHUNKED_NOT_LAST';
      if (codings.length !== 1 || first !== 0) return 'TRANSFER_ENCODING_UNKNOWN';
    }
    this.chunked = true;
    return undefined;
  }

  #connection(value: string): void {
    if (value === 'keep-alive') this.keepsAlive = true;
    else if (value === 'close') this.closes = true;
    else {
      if (hasToken(value, 'keep-alive')) this.keepsAlive = true;
      if (hasToken(value, 'close')) this.closes = true;
      if (hasToken(value, 'upgrade')) this.namesUpgrade = true;
    }
  }
}

/** Whether the comma-separated `list` holds `token` (lower case), however written. */
export function hasToken(list: string, token: string): boolean {
  if (list.length < token.length) return false;
  const lower = list.toLowerCase();
  if (lower === token) return true;
  return lower.includes(token) && lower.split(',').map(trimmed).includes(token);
}

/** The number `value` writes in digits alone, or -1. */
export function contentLength(value: string): number {
  if (value.length === 0 || value.length > CONTENT_LENGTH_DIGITS_MAX) return -1;
  let length = 0;
  for (let at = 0; at < value.length; at += 1) {
    const digit = value.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

/** Without SP and HTAB around: String.trim takes away more, such as 0xA0. */
function trimmed(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
