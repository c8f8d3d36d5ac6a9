/**
 * Field names as shared strings, with what a message needs to know of them. pure
 *
 * A connection carries the same dozen names again and again: a table from a few of their bytes to what
 * is known spares a string and a judgement per field. It is bounded and only a memo.
 */

import { latin1 } from '../native.ts';
import { seenBits } from '../seen.ts';
import { STATIC_NAMES } from './static-table.ts';

/** Why a name is looked at; pseudo-headers are one bit each, so that a mask says which have come. */
export const NAME = {
  METHOD: 1,
  SCHEME: 2,
  PATH: 4,
  AUTHORITY: 8,
  PROTOCOL: 16,
  STATUS: 32,
  /** A field nobody looks at. */
  PLAIN: 64,
  HOST: 128,
  LENGTH: 256,
  TE: 512,
  /** No token, a pseudo-header nobody knows, or a field no message may hold. */
  ODD: 1_024,
} as const;

/** All pseudo-headers there are. */
export const PSEUDO_NAMES = 63;

/** Names whose values are credentials: never indexed, whoever sends them. */
export const SENSITIVE_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
]);

/** A name as it came. */
export class FieldName {
  readonly text: string;
  /** Of {@link text}; to ask a string, of which there are many kinds, costs more. */
  readonly length: number;
  /** The same, as bytes. */
  readonly bytes: Uint8Array;
  /** One of {@link NAME}. */
  readonly kind: number;
  /** Bits of `SEEN`. */
  readonly seen: number;
  /** One of {@link SENSITIVE_NAMES}. */
  readonly sensitive: boolean;
  #alone: ReadonlySet<string> | undefined;

  constructor(text: string) {
    this.text = text;
    this.length = text.length;
    this.bytes = Buffer.from(text, 'latin1');
    this.kind = kindOf(text);
    this.seen = seenBits(text);
    this.sensitive = SENSITIVE_NAMES.has(text);
  }

  /** The set of this name alone. */
  get alone(): ReadonlySet<string> {
    this.#alone ??= new Set([this.text]);
    return this.#alone;
  }
}

const SLOTS = 1_024;
const LEARNED_BYTES_MAX = 64;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

const KINDS: ReadonlyMap<string, number> = new Map([
  [':method', NAME.METHOD],
  [':scheme', NAME.SCHEME],
  [':path', NAME.PATH],
  [':authority', NAME.AUTHORITY],
  [':protocol', NAME.PROTOCOL],
  [':status', NAME.STATUS],
  ['host', NAME.HOST],
  ['content-length', NAME.LENGTH],
  ['te', NAME.TE],
  ['connection', NAME.ODD],
  ['keep-alive', NAME.ODD],
  ['proxy-connection', NAME.ODD],
  ['transfer-encoding', NAME.ODD],
  ['upgrade', NAME.ODD],
]);

/** The names of the static table, by index. */
export const STATIC_FIELDS: readonly FieldName[] = STATIC_NAMES.map(
  (name, at) => new FieldName(at === 0 ? '' : interned(name)),
);

const learned: (FieldName | undefined)[] = new Array(SLOTS).fill(undefined);

/** The name in `bytes[from, to)`, whatever it is. */
export function fieldName(bytes: Buffer, from: number, to: number): FieldName {
  const length = to - from;
  if (length === 0 || length > LEARNED_BYTES_MAX) return new FieldName(latin1(bytes, from, to));
  // Length and three bytes tell common names apart; every byte is compared afterwards.
  const slot =
    (Math.imul(length, 401) +
      Math.imul(bytes[from] as number, 37) +
      Math.imul(bytes[(from + to) >> 1] as number, 131) +
      (bytes[to - 1] as number)) &
    (SLOTS - 1);
  const known = learned[slot];
  if (known !== undefined && same(known.bytes, bytes, from, length)) return known;
  const name = new FieldName(interned(latin1(bytes, from, to)));
  learned[slot] = name;
  return name;
}

function same(name: Uint8Array, bytes: Buffer, from: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let at = 0; at < length; at += 1) if (name[at] !== bytes[from + at]) return false;
  return true;
}

function kindOf(text: string): number {
  return KINDS.get(text) ?? (TOKEN.test(text) ? NAME.PLAIN : NAME.ODD);
}

/** The engine's one string of this content, as literals in code are: equal ones are the same one. */
function interned(text: string): string {
  return Object.keys({ [text]: 0 })[0] as string;
}
