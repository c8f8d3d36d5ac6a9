/**
 * Header blocks seen before, answered without decoding.
 *
 * An answer holds for the same bytes as long as the dynamic table it was read with is unchanged: entries
 * carry the table's generation, or {@link ANY_GENERATION} when the table was not consulted. Callers
 * store only blocks that did not change the table. Memory is bounded, and traffic that never
 * repeats turns the memo off for a while, so that it costs next to nothing.
 */

import { latin1 } from '../native.ts';
import type { HeaderBlock } from './block.ts';

/** The answer does not depend on the dynamic table. */
export const ANY_GENERATION = -1;
/** Longer blocks are not remembered. */
const BLOCK_BYTES_MAX = 1024;
/** Larger decoded lists are not remembered: an indexed field is one byte, whatever it stands for. */
const LIST_BYTES_MAX = 4096;
/** Entries in each of the two halves. */
const HALF_MAX = 64;
/** Lookups after which the share of hits is judged; so many, one in so many must be hits. */
const JUDGE_EVERY = 64;
const HITS_SHARE = 8;
/** After a poor time the memo looks at so many only, and skips twice as many as before. */
const PROBE = 16;
const SKIP_MIN = 512;
const SKIP_MAX = 8_192;

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
  #nextSkip = SKIP_MIN;
  #judgeAt = JUDGE_EVERY;

  /** The key of a block, or `''` when the memo does not want it now. */
  key(bytes: Buffer, from: number, to: number): string {
    if (this.#skip > 0) {
      this.#skip -= 1;
      return '';
    }
    return to - from > BLOCK_BYTES_MAX ? '' : latin1(bytes, from, to);
  }

  /** The block for `key`, if what was remembered holds with a table of this generation. */
  get(key: string, generation: number): HeaderBlock | undefined {
    this.#lookups += 1;
    if (this.#lookups === this.#judgeAt) this.#judge();
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
    if (this.#hits * HITS_SHARE < this.#lookups) {
      this.#skip = this.#nextSkip;
      this.#nextSkip = Math.min(2 * this.#nextSkip, SKIP_MAX);
      this.#judgeAt = PROBE;
      this.#young = undefined;
      this.#old = undefined;
    } else {
      this.#nextSkip = SKIP_MIN;
      this.#judgeAt = JUDGE_EVERY;
    }
    this.#lookups = 0;
    this.#hits = 0;
  }
}
