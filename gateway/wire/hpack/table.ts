/**
 * The dynamic table (RFC 7541, section 2.3.2): what both sides of a direction remember.
 *
 * Entries have a number that never changes (counting all ever inserted), and a ring holds those not
 * yet evicted. `generation` changes whenever the content does, so that something derived from the
 * table can tell whether it still holds.
 */

/** What an entry costs beyond its characters (RFC 7541, section 4.1). */
export const ENTRY_OVERHEAD_BYTES = 32;
const RING_START = 16;

export class DynamicTable<T> {
  /** Changes with every insertion and eviction. */
  generation = 0;
  /** How many were ever inserted; the newest entry has number `inserted - 1`. */
  inserted = 0;
  /** How many were ever evicted; the oldest entry has this number. */
  evicted = 0;
  sizeBytes = 0;
  limitBytes: number;
  #entries: (T | undefined)[] = [];
  #sizes: number[] = [];
  #mask = -1;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Entries there now. */
  get count(): number {
    return this.inserted - this.evicted;
  }

  /** What was inserted as entry `number`; it must be there. */
  entry(number: number): T {
    return this.#entries[number & this.#mask] as T;
  }

  /**
   * Inserts what takes `bytes`, {@link ENTRY_OVERHEAD_BYTES} included, evicting first; an entry larger than
   * the table empties it (RFC 7541, section 4.4).
   */
  insert(bytes: number, entry: T): boolean {
    this.generation += 1;
    this.#evictTo(this.limitBytes - bytes);
    if (bytes > this.limitBytes) return false;
    if (this.count > this.#mask) this.#grow();
    const slot = this.inserted & this.#mask;
    this.#entries[slot] = entry;
    this.#sizes[slot] = bytes;
    this.inserted += 1;
    this.sizeBytes += bytes;
    return true;
  }

  /** Sets the size both sides agreed on. */
  resize(limitBytes: number): void {
    this.limitBytes = limitBytes;
    this.#evictTo(limitBytes);
  }

  #evictTo(bytes: number): void {
    while (this.sizeBytes > bytes && this.count > 0) {
      const slot = this.evicted & this.#mask;
      this.sizeBytes -= this.#sizes[slot] as number;
      // What is evicted may be garbage: do not hold on to it.
      this.#entries[slot] = undefined;
      this.evicted += 1;
      this.generation += 1;
    }
  }

  #grow(): void {
    const size = Math.max(RING_START, (this.#mask + 1) * 2);
    const entries = new Array<T | undefined>(size).fill(undefined);
    const sizes = new Array<number>(size).fill(0);
    for (let number = this.evicted; number < this.inserted; number += 1) {
      entries[number & (size - 1)] = this.entry(number);
      sizes[number & (size - 1)] = this.#sizes[number & this.#mask] as number;
    }
    this.#entries = entries;
    this.#sizes = sizes;
    this.#mask = size - 1;
  }
}
