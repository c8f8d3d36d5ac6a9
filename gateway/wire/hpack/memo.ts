/**
 * Header blocks seen before, answered without decoding.
 *
 * An answer holds for the same bytes as long as the dynamic table it was read with is unchanged: entries
 * carry the table's generation, or {@link ANY_GENERATION} when the table was not consulted. Callers
 * store only blocks that did not change the table. Memory is bounded, and traffic that never
 * repeats turns the memo off for a while, so that it costs next to nothing.
 */
import type { HeaderBlock } from './block.ts';

/** The answer does not depend on the dynamic table. */
export const ANY_GENERATION = -1;
/** Longer blocks are not remembered. */
const BLOCK_BYTES_MAX = 1024;
/** Larger decoded lists are not remembered: an indexed field is one byte, whatever it stands for. */
const LIST_BYTES_MAX = 4096;
/** Entries in each of the two halves. */
const HALF_MAX = 64;
/** Lookups after which the share of hits is judged, and how many are then skipped if it is poor. */
const JUDGE_EVERY = 64;
const HITS_LEAST = 8;
const SKIP = 512;

interface Entry {
  readonly generation: number;
  readonly block: HeaderBlock;
}

export class BlockMemo {
  /** Entries used lately, and those of the time before: dropping the older half is the eviction. */
  #young: Map<string, Entry> | undefined;
  #old: Map<string, Entry> | undefined;
  #lookups = 0;
  #hits = 0;
  #skip = 0;

  /** The key of a block, or `''` when the memo does not want it now. */
  key(bytes: Buffer, from: number, to: number): string {
    if (this.#skip > 0) {
      this.#skip -= 1;
      return '';
    }
    return to - from > BLOCK_BYTES_MAX ? '' : bytes.toString('latin1', from, to);
  }

  /** The block for `key`, if what was remembered holds with a table of this generation. */
  get(key: string, generation: number): HeaderBlock | undefined {
    this.#lookups += 1;
    if (this.#lookups === JUDGE_EVERY) this.#judge();
    let entry = this.#young?.get(key);
    if (entry === undefined) {
      entry = this.#old?.get(key);
      if (entry !== undefined) this.#store(key, entry);
    }
    if (entry === undefined) return undefined;
    if (entry.generation !== ANY_GENERATION && entry.generation !== generation) return undefined;
    this.#hits += 1;
    return entry.block;
  }

  /** Remembers `block`, whose decoding left the table as it was; `listBytes` is its size decoded. */
  set(key: string, generation: number, block: HeaderBlock, listBytes: number): void {
    if (listBytes <= LIST_BYTES_MAX) this.#store(key, { generation, block });
  }

  #store(key: string, entry: Entry): void {
    this.#young ??= new Map();
    if (this.#young.size >= HALF_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, entry);
  }

  #judge(): void {
    if (this.#hits < HITS_LEAST) {
      this.#skip = SKIP;
      this.#young = undefined;
      this.#old = undefined;
    }
    this.#lookups = 0;
    this.#hits = 0;
  }
}
