/**
 * Field names as shared lower-case strings. pure
 *
 * A connection carries the same dozen names again and again: a table from the hash of the bytes to the
 * string spares an allocation and a hash per field. It is bounded and only a memo: a name that falls out
 * is made again.
 */
import { LOWER } from './bytes.ts';

/** Why the codec looks at a field; 0 for all it only passes on. */
export const FIELD_OTHER = 0;
export const FIELD_CONTENT_LENGTH = 1;
export const FIELD_TRANSFER_ENCODING = 2;
export const FIELD_HOST = 3;
export const FIELD_CONNECTION = 4;
export const FIELD_PROXY_CONNECTION = 5;
export const FIELD_EXPECT = 6;
export const FIELD_UPGRADE = 7;
/** Means nothing to the codec in a head, and may not stand in a trailer. */
export const FIELD_NO_TRAILER = 8;

/** A field name. */
export interface FieldName {
  /** In lower case. */
  readonly text: string;
  /** One of the `FIELD_` constants. */
  readonly kind: number;
}

/** RFC 9110 section 6.5.1: framing, routing, authentication, request modifiers, content format. */
const NO_TRAILER =
  'keep-alive te trailer authorization proxy-authorization proxy-authenticate www-authenticate ' +
  'cookie set-cookie content-encoding content-type content-range cache-control max-forwards range ' +
  'if-match if-none-match if-modified-since if-unmodified-since if-range location forwarded';

const COMMON =
  'accept accept-encoding accept-language access-control-allow-origin date etag expires grpc-status ' +
  'last-modified origin pragma referer server traceparent user-agent vary via x-forwarded-for x-request-id';

const SLOTS = 1_024;
const LEARNED_BYTES_MAX = 64;

const fixed: (FieldName | undefined)[] = new Array(SLOTS).fill(undefined);
const learned: (FieldName | undefined)[] = new Array(SLOTS).fill(undefined);
/** Names that mean something to the codec; a clash of hashes must never hide one. */
const special = new Map<string, FieldName>();

/** The hash of no bytes; see {@link hashStep}. */
export const HASH_START = 17;

/** The hash with one more byte, given in lower case. */
export function hashStep(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

/** The name in `bytes[from, to)`, which are token bytes with this hash. */
export function fieldName(bytes: Buffer, from: number, to: number, hash: number): FieldName {
  const slot = hash & (SLOTS - 1);
  const first = fixed[slot];
  if (first !== undefined && same(first.text, bytes, from, to)) return first;
  const second = learned[slot];
  if (second !== undefined && same(second.text, bytes, from, to)) return second;
  const text = bytes.toString('latin1', from, to).toLowerCase();
  const name = special.get(text) ?? { text, kind: FIELD_OTHER };
  if (to - from <= LEARNED_BYTES_MAX) learned[slot] = name;
  return name;
}

/** What the codec must know of a field of this lower-case name. */
export function kindOf(name: string): number {
  return special.get(name)?.kind ?? FIELD_OTHER;
}

function same(text: string, bytes: Buffer, from: number, to: number): boolean {
  if (text.length !== to - from) return false;
  for (let at = from; at < to; at += 1) {
    if (text.charCodeAt(at - from) !== LOWER[bytes[at] as number]) return false;
  }
  return true;
}

function teach(text: string, kind: number): void {
  const name: FieldName = { text, kind };
  let hash = HASH_START;
  for (let at = 0; at < text.length; at += 1) hash = hashStep(hash, text.charCodeAt(at));
  fixed[hash & (SLOTS - 1)] ??= name;
  if (kind !== FIELD_OTHER) special.set(text, name);
}

teach('content-length', FIELD_CONTENT_LENGTH);
teach('transfer-encoding', FIELD_TRANSFER_ENCODING);
teach('host', FIELD_HOST);
teach('connection', FIELD_CONNECTION);
teach('proxy-connection', FIELD_PROXY_CONNECTION);
teach('expect', FIELD_EXPECT);
teach('upgrade', FIELD_UPGRADE);
for (const name of NO_TRAILER.split(' ')) teach(name, FIELD_NO_TRAILER);
for (const name of COMMON.split(' ')) teach(name, FIELD_OTHER);
