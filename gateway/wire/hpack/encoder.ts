/**
 * Header lists into header blocks (RFC 7541), written straight into the caller's buffer.
 *
 * Credentials are never indexed, here or by anyone behind us (section 7.1.3). A field enters the
 * dynamic table when its name is sent a second time in a row with the same value: what changes with
 * every request (paths, trace ids) would only push out what repeats, and spoil memos at both ends.
 */
import { HpackError } from './error.ts';
import { huffmanLength, huffmanWrite } from './huffman.ts';
import { STATIC_BY_NAME, STATIC_COUNT, type StaticName } from './static-table.ts';
import { DynamicTable, ENTRY_OVERHEAD_BYTES } from './table.ts';

/** Names whose values are credentials: never indexed, whoever sends them. */
export const SENSITIVE_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
]);
/** Names kept track of; when there are more, they are forgotten and learned again. */
const NAMES_MAX = 256;
/** A single entry may not take more than this share of the table. */
const ENTRY_SHARE = 4;
/** The most bytes an integer takes here: six octets carry 35 bits. */
const INTEGER_BYTES = 6;

/** What is known of a name. */
interface Name {
  readonly fixed: StaticName | undefined;
  readonly sensitive: boolean;
  /** Value last sent, a candidate for the table. */
  lastValue: string | undefined;
  /** Number of the newest entry with this name; gone when below the table's `evicted`. */
  newest: number;
  /** Numbers of entries by value. */
  readonly values: Map<string, number>;
}

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
    bytes += (headers[at] as string).length + 2 * INTEGER_BYTES;
  return bytes;
}

export class HpackEncoder {
  readonly #table: DynamicTable;
  readonly #always: boolean;
  readonly #names = new Map<string, Name>();
  /** Blocks of lists that are sent again and again, valid for one generation of the table. */
  readonly #shared = new WeakMap<readonly string[], { generation: number; bytes: Buffer }>();
  /** Smallest size set since the last block, -1 when there is nothing to announce. */
  #smallest = -1;
  #settled = true;
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
   * @param sensitive names to be sent as never indexed, beside {@link SENSITIVE_NAMES}.
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

  /** As {@link encode}, for a list that never changes and is sent often: its block is kept with it. */
  encodeShared(headers: readonly string[], out: Buffer, at: number): number {
    const known = this.#shared.get(headers);
    if (known !== undefined && known.generation === this.#table.generation && this.#smallest < 0) {
      known.bytes.copy(out, at);
      return at + known.bytes.length;
    }
    const { generation } = this.#table;
    const announcing = this.#smallest >= 0;
    this.#settled = true;
    const to = this.encode(headers, out, at);
    if (this.#settled && !announcing && generation === this.#table.generation)
      this.#shared.set(headers, { generation, bytes: Buffer.from(out.subarray(at, to)) });
    return to;
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
      const entry = this.#nameOf(name);
      const hidden = entry.sensitive || sensitive?.has(name) === true;
      to = hidden
        ? this.#literal(entry, name, value, 0x10, 4, to)
        : this.#field(entry, name, value, to);
    }
    return to;
  }

  #field(entry: Name, name: string, value: string, at: number): number {
    const fixed = entry.fixed?.values.get(value);
    if (fixed !== undefined) return this.#integer(0x80, 7, fixed, at);
    const table = this.#table;
    const number = entry.values.get(value);
    if (number !== undefined) {
      if (number >= table.evicted)
        return this.#integer(0x80, 7, STATIC_COUNT + table.inserted - number, at);
      entry.values.delete(value);
    }
    const bytes = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    if (!this.#always) {
      // Neither indexed nor kept: what is large would push out everything else.
      if (bytes * ENTRY_SHARE > table.limitBytes)
        return this.#literal(entry, name, value, 0x00, 4, at);
      if (entry.lastValue !== value) {
        entry.lastValue = value;
        this.#settled = false;
        return this.#literal(entry, name, value, 0x00, 4, at);
      }
    }
    // The name is referred to before the insertion may evict the entry that holds it.
    const to = this.#literal(entry, name, value, 0x40, 6, at);
    if (table.insert(name, value)) this.#remember(entry, value, table.inserted - 1);
    return to;
  }

  #remember(entry: Name, value: string, number: number): void {
    // Values of evicted entries are dropped here, so the map never outgrows the table for long.
    if (entry.values.size > 2 * this.#table.count + 8) {
      for (const [old, at] of entry.values) if (at < this.#table.evicted) entry.values.delete(old);
    }
    entry.values.set(value, number);
    entry.newest = number;
  }

  #literal(
    entry: Name,
    name: string,
    value: string,
    pattern: number,
    prefix: number,
    at: number,
  ): number {
    const table = this.#table;
    let to: number;
    if (entry.fixed !== undefined) to = this.#integer(pattern, prefix, entry.fixed.index, at);
    else if (entry.newest >= table.evicted && entry.newest >= 0)
      to = this.#integer(pattern, prefix, STATIC_COUNT + table.inserted - entry.newest, at);
    else {
      this.#out[at] = pattern;
      to = this.#string(name, at + 1);
    }
    return this.#string(value, to);
  }

  #string(text: string, at: number): number {
    const coded = huffmanLength(text);
    if (coded < text.length) {
      return huffmanWrite(text, this.#out, this.#integer(0x80, 7, coded, at));
    }
    const to = this.#integer(0, 7, text.length, at);
    if (text.length > 24) return to + this.#out.write(text, to, 'latin1');
    for (let index = 0; index < text.length; index += 1)
      this.#out[to + index] = text.charCodeAt(index);
    return to + text.length;
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

  #nameOf(name: string): Name {
    let entry = this.#names.get(name);
    if (entry !== undefined) return entry;
    for (let index = 0; index < name.length; index += 1)
      if (name.charCodeAt(index) > 255) throw new HpackError('CHARACTER');
    // Forgetting is safe: a name or value not found is merely sent as a literal.
    if (this.#names.size >= NAMES_MAX) this.#names.clear();
    entry = {
      fixed: STATIC_BY_NAME.get(name),
      sensitive: SENSITIVE_NAMES.has(name),
      lastValue: undefined,
      newest: -1,
      values: new Map(),
    };
    this.#names.set(name, entry);
    return entry;
  }
}
