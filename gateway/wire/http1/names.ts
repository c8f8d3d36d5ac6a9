/**
 * Field names as shared lower-case strings. pure
 *
 * A connection carries the same dozen names again and again: a table from a few of the bytes to the
 * string spares an allocation and a hash per field. It is bounded and only a memo: a name that falls out
 * is made again.
 */
import { seenBits } from '../seen.ts';
import { COLON, LOWER } from './bytes.ts';

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
  /** The same, as bytes. */
  readonly bytes: Uint8Array;
  /** One of the `FIELD_` constants. */
  readonly kind: number;
  /** Bits of `SEEN`. */
  readonly seen: number;
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

/** The name in `bytes[from, to)`, which are one or more token bytes. */
export function fieldName(bytes: Buffer, from: number, to: number): FieldName {
  const slot = slotOf(
    to - from,
    LOWER[bytes[from] as number] as number,
    LOWER[bytes[(from + to) >> 1] as number] as number,
    LOWER[bytes[to - 1] as number] as number,
  );
  const first = fixed[slot];
  if (first !== undefined && same(first.bytes, bytes, from, to)) return first;
  const second = learned[slot];
  if (second !== undefined && same(second.bytes, bytes, from, to)) return second;
  const text = bytes.toString('latin1', from, to).toLowerCase();
  const name = special.get(text) ?? nameOf(text, FIELD_OTHER);
  if (to - from <= LEARNED_BYTES_MAX) learned[slot] = name;
  return name;
}

/** Length and three bytes tell common names apart; every byte is compared afterwards. */
function slotOf(length: number, first: number, middle: number, last: number): number {
  return (
    (Math.imul(length, 401) + Math.imul(first, 37) + Math.imul(middle, 131) + last) & (SLOTS - 1)
  );
}

/** What the codec must know of a field of this lower-case name. */
export function kindOf(name: string): number {
  return special.get(name)?.kind ?? FIELD_OTHER;
}

/** A field name as it is written. */
export interface WrittenName {
  /** As it was spelled. */
  readonly text: string;
  /** The same, with colon and space after it. */
  readonly bytes: Uint8Array;
  /** One of the `FIELD_` constants. */
  readonly kind: number;
  /** Whether it is short enough to be kept. */
  readonly kept: boolean;
}

/** Names that were written before, by their spelling. */
const written = new Map<string, WrittenName>();

/** The name `name`, to be written; `undefined`: it is no token. */
export function writtenName(name: string): WrittenName | undefined {
  const known = written.get(name);
  if (known !== undefined) return known;
  for (let at = 0; at < name.length; at += 1) {
    // Beyond the table: no byte at all.
    if (!LOWER[name.charCodeAt(at)]) return undefined;
  }
  const bytes = Buffer.from(`${name}: `, 'latin1');
  const kept = name.length <= LEARNED_BYTES_MAX;
  const made = { text: name, bytes, kind: kindOf(name.toLowerCase()), kept };
  if (written.size === SLOTS) written.clear();
  if (kept) written.set(name, made);
  return made;
}

/** Whether a field of this name, its colon included, is what `bytes[from, to)` begins with. */
export function isField(name: FieldName, bytes: Buffer, from: number, to: number): boolean {
  const end = from + name.bytes.length;
  return end < to && bytes[end] === COLON && same(name.bytes, bytes, from, end);
}

function same(name: Uint8Array, bytes: Buffer, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let at = from; at < to; at += 1) {
    if (name[at - from] !== LOWER[bytes[at] as number]) return false;
  }
  return true;
}

function nameOf(text: string, kind: number): FieldName {
  return { text, bytes: Buffer.from(text, 'latin1'), kind, seen: seenBits(text) };
}

function teach(text: string, kind: number): void {
  const name = nameOf(text, kind);
  const middle = text.charCodeAt(text.length >> 1);
  const slot = slotOf(text.length, text.charCodeAt(0), middle, text.charCodeAt(text.length - 1));
  fixed[slot] ??= name;
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
