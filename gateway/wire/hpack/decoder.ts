/**
 * Header blocks into header lists (RFC 7541): strict, bounded, one decoder for each direction.
 *
 * Every malformed input is an {@link HpackError}, after which the decoder must not be used again. A list
 * that passes `maxListBytes` is no error: decoding goes on, which the tables need, but nothing more is
 * kept, so a block of references to one large entry costs time in proportion to its bytes and no memory.
 */
import { HeaderBlock } from './block.ts';
import { HpackError } from './error.ts';
import { huffmanRead } from './huffman.ts';
import { ANY_GENERATION, BlockMemo } from './memo.ts';
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from './static-table.ts';
import { DynamicTable, ENTRY_OVERHEAD_BYTES } from './table.ts';

/** The size of a dynamic table before SETTINGS say otherwise (RFC 9113, section 6.5.2). */
export const DEFAULT_TABLE_BYTES = 4096;
/** Beyond this an integer is an overflow; no block is that long (RFC 7541, section 5.1). */
const INTEGER_MAX = 0x0fff_ffff;

/** Scratch for Huffman decoding, shared: used within one call only. */
let scratch = Buffer.allocUnsafeSlow(4096);

export interface DecoderOptions {
  /** Longest list in bytes, counted as SETTINGS_MAX_HEADER_LIST_SIZE does (RFC 9113, section 6.5.2). */
  readonly maxListBytes: number;
  /** Table size before SETTINGS; only tests need another. */
  readonly tableBytes?: number;
}

export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #memo = new BlockMemo();
  readonly #maxListBytes: number;
  /** The largest size the peer may set: our acknowledged SETTINGS_HEADER_TABLE_SIZE. */
  #tableMaxBytes: number;
  #updateDue = false;
  #bytes: Buffer = scratch;
  #at = 0;
  #end = 0;
  #usedTable = false;

  constructor(options: DecoderOptions) {
    this.#maxListBytes = options.maxListBytes;
    this.#tableMaxBytes = options.tableBytes ?? DEFAULT_TABLE_BYTES;
    this.#table = new DynamicTable(this.#tableMaxBytes);
  }

  /** Bytes the dynamic table holds. */
  get tableBytes(): number {
    return this.#table.sizeBytes;
  }

  /** The peer has acknowledged our SETTINGS_HEADER_TABLE_SIZE. A lowered one must be met by an update. */
  setTableMaxBytes(bytes: number): void {
    this.#tableMaxBytes = bytes;
    if (bytes < this.#table.limitBytes) this.#updateDue = true;
  }

  /** Decodes the complete block `bytes[from, to)`. Throws {@link HpackError}. */
  decode(bytes: Buffer, from: number, to: number): HeaderBlock {
    // A block that sets the table's size must be obeyed each time, so it is never answered from memory.
    const sizes = from < to && ((bytes[from] as number) & 0xe0) === 0x20;
    const key = this.#updateDue || sizes ? '' : this.#memo.key(bytes, from, to);
    if (key !== '') {
      const known = this.#memo.get(key, this.#table.generation);
      if (known !== undefined) return known;
    }
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    this.#usedTable = false;
    const { generation } = this.#table;
    this.#sizeUpdates();
    const block = this.#fields();
    this.#bytes = scratch;
    const unchanged = generation === this.#table.generation;
    if (key !== '' && unchanged && !block.tooLarge) {
      const valid = this.#usedTable ? generation : ANY_GENERATION;
      this.#memo.set(key, valid, block, this.#listBytes);
    }
    return block;
  }

  #listBytes = 0;

  #fields(): HeaderBlock {
    const headers: string[] = [];
    let sensitive: Set<string> | undefined;
    let listBytes = 0;
    while (this.#at < this.#end) {
      const first = this.#bytes[this.#at] as number;
      let name: string;
      let value: string;
      if (first >= 0x80) {
        const index = this.#integer(0x7f);
        if (index === 0) throw new HpackError('INDEX_ZERO');
        name = this.#nameAt(index);
        value = this.#valueAt(index);
      } else if (first >= 0x40) {
        name = this.#literalName(0x3f);
        value = this.#string();
        this.#table.insert(name, value);
      } else if (first >= 0x20) {
        throw new HpackError('SIZE_UPDATE_PLACE');
      } else {
        name = this.#literalName(0x0f);
        value = this.#string();
        if (first >= 0x10) {
          sensitive ??= new Set();
          if (listBytes <= this.#maxListBytes) sensitive.add(name);
        }
      }
      listBytes += name.length + value.length + ENTRY_OVERHEAD_BYTES;
      if (listBytes <= this.#maxListBytes) headers.push(name, value);
    }
    this.#listBytes = listBytes;
    return new HeaderBlock(headers, sensitive, listBytes > this.#maxListBytes);
  }

  /** At most two, at the start: the smallest size since the last block, then the final one. */
  #sizeUpdates(): void {
    let count = 0;
    while (this.#at < this.#end && ((this.#bytes[this.#at] as number) & 0xe0) === 0x20) {
      const bytes = this.#integer(0x1f);
      count += 1;
      if (count > 2) throw new HpackError('SIZE_UPDATE_PLACE');
      if (bytes > this.#tableMaxBytes) throw new HpackError('SIZE_UPDATE_RANGE');
      this.#table.resize(bytes);
      this.#updateDue = false;
    }
    if (this.#updateDue) throw new HpackError('SIZE_UPDATE_MISSING');
  }

  #literalName(mask: number): string {
    const index = this.#integer(mask);
    return index === 0 ? this.#string() : this.#nameAt(index);
  }

  #nameAt(index: number): string {
    if (index <= STATIC_COUNT) return STATIC_NAMES[index] as string;
    return this.#table.name(this.#numberOf(index));
  }

  #valueAt(index: number): string {
    if (index <= STATIC_COUNT) return STATIC_VALUES[index] as string;
    return this.#table.value(this.#numberOf(index));
  }

  #numberOf(index: number): number {
    this.#usedTable = true;
    const back = index - STATIC_COUNT;
    if (back > this.#table.count) throw new HpackError('INDEX_RANGE');
    return this.#table.inserted - back;
  }

  #integer(mask: number): number {
    const bytes = this.#bytes;
    let value = (bytes[this.#at] as number) & mask;
    this.#at += 1;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= this.#end) throw new HpackError('INTEGER_TRUNCATED');
      if (shift > 21) throw new HpackError('INTEGER_OVERFLOW');
      const next = bytes[this.#at] as number;
      this.#at += 1;
      value += (next & 0x7f) << shift;
      if (value > INTEGER_MAX) throw new HpackError('INTEGER_OVERFLOW');
      if (next < 0x80) return value;
    }
  }

  #string(): string {
    if (this.#at >= this.#end) throw new HpackError('STRING_TRUNCATED');
    const coded = (this.#bytes[this.#at] as number) >= 0x80;
    const length = this.#integer(0x7f);
    const from = this.#at;
    const to = from + length;
    if (to > this.#end) throw new HpackError('STRING_TRUNCATED');
    this.#at = to;
    if (!coded) return this.#bytes.toString('latin1', from, to);
    // Five bits are the shortest code.
    const room = (length * 8) / 5 + 2;
    if (scratch.length < room) scratch = Buffer.allocUnsafeSlow(Math.ceil(room));
    return scratch.toString('latin1', 0, huffmanRead(this.#bytes, from, to, scratch));
  }
}
