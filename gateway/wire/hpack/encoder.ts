/**
 * Header lists into header blocks (RFC 7541), written straight into the caller's buffer.
 *
 * Credentials are never indexed, here or by anyone behind us (section 7.1.3). A field enters the
 * dynamic table when its name is sent a second time in a row with the same value: what changes with
 * every request (paths, trace ids) would only push out what repeats, and spoil memos at both ends. Of a
 * name whose values keep changing one entry is made, where there is room, so that the name is a number.
 */

import { lengthOf, writeUtf8 } from '../native.ts';
import { copyOrigin, ORIGIN_CHARS_MIN } from '../origin.ts';
import { EncodedName } from './encoded-name.ts';
import { HpackError } from './error.ts';
import { huffmanLength, huffmanWrite } from './huffman.ts';
import { STATIC_COUNT } from './static-table.ts';
import { DynamicTable, ENTRY_OVERHEAD_BYTES } from './table.ts';

/** Names kept track of; when there are more, they are forgotten and learned again. */
const NAMES_MAX = 256;
/** Places of a list whose names are remembered. */
const PLACES_MAX = 64;
/** A single entry may not take more than this share of the table. */
const ENTRY_SHARE = 4;
/** The name alone is worth an entry of so little. */
const SHORT_BYTES_MAX = 128;
/** Up to this length a loop is faster than a call of the engine's. */
const LOOP_MAX = 10;
/** The most bytes an integer takes here: six octets carry 35 bits. */
const INTEGER_BYTES = 6;

export interface EncoderOptions {
  /** Table size before the peer's SETTINGS. */
  readonly tableBytes?: number;
  /** `repeated` (default): on second sight. `always`: at once, as the examples of RFC 7541 do. */
  readonly indexing?: 'repeated' | 'always';
}

/** Bytes that `headers` can take at most, two table size updates included. */
export function encodedBound(headers: readonly string[]): number {
  let bytes = 2 * INTEGER_BYTES;
  for (let at = 0; at < headers.length; at += 1)
    bytes += lengthOf(headers[at] as string) + 2 * INTEGER_BYTES;
  return bytes;
}

export class HpackEncoder {
  readonly #table: DynamicTable<undefined>;
  readonly #always: boolean;
  readonly #names = new Map<string, EncodedName>();
  /** Names by their place in the last list: the next one has most of them there again. */
  #places: EncodedName[] = [];
  /** Smallest size set since the last block, -1 when there is nothing to announce. */
  #smallest = -1;
  #out: Buffer = Buffer.alloc(0);

  constructor(options: EncoderOptions = {}) {
    this.#table = new DynamicTable(options.tableBytes ?? 4096);
    this.#always = options.indexing === 'always';
  }

  /** Bytes the dynamic table holds. */
  get tableBytes(): number {
    return this.#table.sizeBytes;
  }

  /** Uses a table of `bytes` from the next block on, which announces it (RFC 7541, section 4.2). */
  resize(bytes: number): void {
    if (bytes === this.#table.limitBytes && this.#smallest < 0) return;
    this.#smallest = this.#smallest < 0 ? bytes : Math.min(this.#smallest, bytes);
    this.#table.resize(bytes);
  }

  /**
   * Writes the block of `headers` at `at` and returns the position after it. The caller has made
   * {@link encodedBound} bytes of room. Names are lower case; characters are bytes, else it throws.
   * @param sensitive names to be sent as never indexed, beside the credentials.
   */
  encode(
    headers: readonly string[],
    out: Buffer,
    at: number,
    sensitive?: ReadonlySet<string>,
  ): number {
    this.#out = out;
    try {
      return this.#fields(headers, this.#announce(at), sensitive);
    } catch (error) {
      // What was inserted never reaches the peer: the next block empties both tables.
      const { limitBytes } = this.#table;
      this.resize(0);
      this.resize(limitBytes);
      throw error;
    }
  }

  #fields(
    headers: readonly string[],
    at: number,
    sensitive: ReadonlySet<string> | undefined,
  ): number {
    let to = at;
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index] as string;
      const value = headers[index + 1] as string;
      const place = this.#places[index >> 1];
      const entry =
        place !== undefined && place.text === name ? place : this.#nameOf(name, index >> 1);
      const hidden = entry.sensitive || sensitive?.has(name) === true;
      to = hidden ? this.#plain(entry, value, 0x10, to) : this.#field(entry, value, to);
    }
    return to;
  }

  #field(entry: EncodedName, value: string, at: number): number {
    const table = this.#table;
    if (entry.passes()) return this.#varying(entry, value, at);
    const fixed = entry.fixedIndex(value);
    if (fixed > 0) return this.#integer(0x80, 7, fixed, at);
    const number = entry.numberOf(value);
    if (number >= table.evicted)
      return this.#integer(0x80, 7, STATIC_COUNT + table.inserted - number, at);
    if (!this.#always) {
      const bytes = entry.text.length + lengthOf(value) + ENTRY_OVERHEAD_BYTES;
      // Neither indexed nor kept: what is large would push out everything else.
      if (bytes * ENTRY_SHARE > table.limitBytes) return this.#plain(entry, value, 0x00, at);
      if (!entry.repeats(value)) return this.#plain(entry, value, 0x00, at);
    }
    return this.#insert(entry, value, at);
  }

  /** A value that nobody compares; its name gets an entry where there is room, for it will come again. */
  #varying(entry: EncodedName, value: string, at: number): number {
    const table = this.#table;
    const bytes = entry.text.length + lengthOf(value) + ENTRY_OVERHEAD_BYTES;
    const named = entry.fixedName > 0 || entry.newest >= table.evicted;
    if (named || bytes > SHORT_BYTES_MAX || table.sizeBytes + bytes > table.limitBytes)
      return this.#plain(entry, value, 0x00, at);
    return this.#insert(entry, value, at);
  }

  #insert(entry: EncodedName, value: string, at: number): number {
    // The name is referred to before the insertion may evict the entry that holds it.
    let to = this.#name(entry, 0x40, 6, at);
    if (to === at + 1 && this.#out[at] === 0x40) to = this.#coded(entry.text, to);
    to = this.#coded(value, to);
    const bytes = entry.text.length + lengthOf(value) + ENTRY_OVERHEAD_BYTES;
    if (this.#table.insert(bytes, undefined)) entry.remember(value, this.#table.inserted - 1);
    return to;
  }

  /** A literal that enters no table. Huffman's code would cost both ends more than its bytes. */
  #plain(entry: EncodedName, value: string, pattern: number, at: number): number {
    let to = this.#name(entry, pattern, 4, at);
    if (to === at + 1 && this.#out[at] === pattern) to = this.#raw(entry.text, to);
    return this.#raw(value, to);
  }

  /** The index of a name, or 0 where none of the tables has it and the name itself must follow. */
  #name(entry: EncodedName, pattern: number, prefix: number, at: number): number {
    if (entry.fixedName > 0) return this.#integer(pattern, prefix, entry.fixedName, at);
    const table = this.#table;
    if (entry.newest >= table.evicted)
      return this.#integer(pattern, prefix, STATIC_COUNT + table.inserted - entry.newest, at);
    this.#out[at] = pattern;
    return at + 1;
  }

  #coded(text: string, at: number): number {
    const coded = huffmanLength(text);
    if (coded >= lengthOf(text)) return this.#raw(text, at);
    return huffmanWrite(text, this.#out, this.#integer(0x80, 7, coded, at));
  }

  #raw(text: string, at: number): number {
    const length = lengthOf(text);
    const to = this.#integer(0, 7, length, at);
    const out = this.#out;
    if (length >= ORIGIN_CHARS_MIN) {
      const end = copyOrigin(text, length, out, to);
      if (end >= 0) return end;
    }
    // As UTF-8, text of so many bytes as characters is ASCII; four more bytes show any that is not.
    if (length > LOOP_MAX && writeUtf8(out, text, to, length + 4) === length) return to + length;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 255) throw new HpackError('CHARACTER');
      out[to + index] = code;
    }
    return to + length;
  }

  #integer(pattern: number, prefix: number, value: number, at: number): number {
    const out = this.#out;
    const max = (1 << prefix) - 1;
    if (value < max) {
      out[at] = pattern | value;
      return at + 1;
    }
    out[at] = pattern | max;
    let rest = value - max;
    let to = at + 1;
    while (rest >= 0x80) {
      out[to] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
      to += 1;
    }
    out[to] = rest;
    return to + 1;
  }

  #announce(at: number): number {
    if (this.#smallest < 0) return at;
    const { limitBytes } = this.#table;
    let to = at;
    if (this.#smallest < limitBytes) to = this.#integer(0x20, 5, this.#smallest, to);
    to = this.#integer(0x20, 5, limitBytes, to);
    this.#smallest = -1;
    return to;
  }

  #nameOf(name: string, place: number): EncodedName {
    let entry = this.#names.get(name);
    if (entry === undefined) {
      for (let index = 0; index < name.length; index += 1)
        if (name.charCodeAt(index) > 255) throw new HpackError('CHARACTER');
      // Forgetting is safe: a name or value not found is merely sent as a literal.
      if (this.#names.size >= NAMES_MAX) {
        this.#names.clear();
        this.#places = [];
      }
      entry = new EncodedName(name);
      this.#names.set(name, entry);
    }
    if (place < PLACES_MAX && place <= this.#places.length) this.#places[place] = entry;
    return entry;
  }
}
