/**
 * Header blocks into header lists (RFC 7541): strict, bounded, one decoder for each direction.
 *
 * Every malformed input is an {@link HpackError}, after which the decoder must not be used again. A list
 * that passes `maxListBytes` is no error: decoding goes on, which the tables need, but nothing more is
 * kept, so a block of references to one large entry costs time in proportion to its bytes and no memory.
 */

import { latin1 } from '../native.ts';
import { noteOrigin, ORIGIN_CHARS_MIN } from '../origin.ts';
import type { HeaderBlock } from './block.ts';
import { BlockBuilder } from './builder.ts';
import { HpackError } from './error.ts';
import { huffmanRead } from './huffman.ts';
import { ANY_GENERATION, BlockMemo } from './memo.ts';
import { type FieldName, fieldName, STATIC_FIELDS } from './names.ts';
import { STATIC_COUNT, STATIC_VALUES } from './static-table.ts';
import { DynamicTable, ENTRY_OVERHEAD_BYTES } from './table.ts';
import { classesOf } from './values.ts';

/** The size of a dynamic table before SETTINGS say otherwise (RFC 9113, section 6.5.2). */
export const DEFAULT_TABLE_BYTES = 4096;
/** Beyond this an integer is an overflow; no block is that long (RFC 7541, section 5.1). */
const INTEGER_MAX = 0x0fff_ffff;

/** Blocks up to this length become one string, and their values slices of it, which costs least. */
const TEXT_BYTES_MAX = 2_048;

/** Scratch for Huffman decoding, shared: used within one call only. */
let scratch = Buffer.allocUnsafeSlow(4096);
/** The same for the block being put together. */
const builder = new BlockBuilder();

/** A field as it came: an entry of a table, or what is about to become one. */
class Field {
  readonly name: FieldName;
  readonly value: string;
  /** Of {@link value}. */
  readonly length: number;
  /** Bits of `BYTE`. */
  readonly classes: number;

  constructor(name: FieldName, value: string, length: number, classes: number) {
    this.name = name;
    this.value = value;
    this.length = length;
    this.classes = classes;
  }
}

const STATIC: readonly Field[] = STATIC_FIELDS.map((name, index) => {
  const value = STATIC_VALUES[index] as string;
  const { length } = value;
  return new Field(name, value, length, classesOf(Buffer.from(value, 'latin1'), 0, length));
});

export interface DecoderOptions {
  /** Longest list in bytes, counted as SETTINGS_MAX_HEADER_LIST_SIZE does (RFC 9113, section 6.5.2). */
  readonly maxListBytes: number;
  /** Table size before SETTINGS; only tests need another. */
  readonly tableBytes?: number;
}

export class HpackDecoder {
  readonly #table: DynamicTable<Field>;
  readonly #memo = new BlockMemo();
  readonly #maxListBytes: number;
  /** The largest size the peer may set: our acknowledged SETTINGS_HEADER_TABLE_SIZE. */
  #tableMaxBytes: number;
  #updateDue = false;
  #bytes: Buffer = scratch;
  #at = 0;
  #end = 0;
  /** How long the last list was: the next one most likely is as well. */
  #room = 0;
  #usedTable = false;
  /** The block as a string once one of its values has been asked for, and where that begins. */
  #text = '';
  #textAt = 0;
  /** Bits of `BYTE` of the value read last. */
  #classes = 0;
  /** Bytes of the string read last; of a value, once it is decoded. */
  #size = 0;

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
    this.#text = key;
    this.#textAt = from;
    const { generation } = this.#table;
    builder.begin(this.#maxListBytes, this.#room);
    try {
      this.#sizeUpdates();
      this.#fields();
    } finally {
      this.#bytes = scratch;
      this.#text = '';
    }
    const block = builder.end();
    this.#room = block.headers.length;
    const unchanged = generation === this.#table.generation;
    if (key !== '' && unchanged && !block.tooLarge) {
      const valid = this.#usedTable ? generation : ANY_GENERATION;
      this.#memo.set(key, valid, block, builder.listBytes);
    }
    return block;
  }

  #fields(): void {
    while (this.#at < this.#end) {
      const first = this.#bytes[this.#at] as number;
      if (first >= 0x80) {
        const index = this.#integer(0x7f);
        if (index === 0) throw new HpackError('INDEX_ZERO');
        const { name, value, length, classes } = this.#entry(index);
        builder.add(name, value, length, classes, false);
      } else if (first >= 0x40) {
        const name = this.#literalName(0x3f);
        // What stays must not keep the rest of the block with it.
        const value = this.#value(false);
        const length = this.#size;
        const bytes = name.length + length + ENTRY_OVERHEAD_BYTES;
        this.#table.insert(bytes, new Field(name, value, length, this.#classes));
        builder.add(name, value, length, this.#classes, false);
      } else if (first >= 0x20) {
        throw new HpackError('SIZE_UPDATE_PLACE');
      } else {
        const name = this.#literalName(0x0f);
        const value = this.#value(true);
        builder.add(name, value, this.#size, this.#classes, first >= 0x10);
      }
    }
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

  #literalName(mask: number): FieldName {
    const index = this.#integer(mask);
    if (index !== 0) return this.#entry(index).name;
    const coded = this.#length();
    const from = this.#at;
    this.#at += this.#size;
    if (!coded) return fieldName(this.#bytes, from, this.#at);
    return fieldName(scratch, 0, this.#decoded(from, this.#at));
  }

  #entry(index: number): Field {
    if (index <= STATIC_COUNT) return STATIC[index] as Field;
    return this.#table.entry(this.#numberOf(index));
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

  /** Reads the length of a string, all of which is there; whether it is Huffman-coded. */
  #length(): boolean {
    if (this.#at >= this.#end) throw new HpackError('STRING_TRUNCATED');
    const coded = (this.#bytes[this.#at] as number) >= 0x80;
    this.#size = this.#integer(0x7f);
    if (this.#at + this.#size > this.#end) throw new HpackError('STRING_TRUNCATED');
    return coded;
  }

  /** A value, with its classes in `#classes`; `slice`: it may be a part of the block's own string. */
  #value(slice: boolean): string {
    const coded = this.#length();
    const from = this.#at;
    const to = from + this.#size;
    this.#at = to;
    const bytes = this.#bytes;
    if (coded) {
      const length = this.#decoded(from, to);
      this.#size = length;
      this.#classes = classesOf(scratch, 0, length);
      return latin1(scratch, 0, length);
    }
    this.#classes = classesOf(bytes, from, to);
    if (from === to) return '';
    const value = this.#string(slice, from, to);
    if (to - from >= ORIGIN_CHARS_MIN) noteOrigin(value, from);
    return value;
  }

  /** The string of `bytes[from, to)`; `slice`: it may be a part of the block's own. */
  #string(slice: boolean, from: number, to: number): string {
    const bytes = this.#bytes;
    const start = this.#textAt;
    if (!slice || this.#end - start > TEXT_BYTES_MAX) return latin1(bytes, from, to);
    if (this.#text === '') {
      // The last one alone needs no slice.
      if (to === this.#end) return latin1(bytes, from, to);
      this.#textAt = from;
      this.#text = latin1(bytes, from, this.#end);
      return this.#text.substring(0, to - from);
    }
    return this.#text.substring(from - start, to - start);
  }

  /** Decodes `bytes[from, to)` into the scratch; how many bytes that gave. */
  #decoded(from: number, to: number): number {
    // Five bits are the shortest code.
    const room = ((to - from) * 8) / 5 + 2;
    if (scratch.length < room) scratch = Buffer.allocUnsafeSlow(Math.ceil(room));
    return huffmanRead(this.#bytes, from, to, scratch);
  }
}
