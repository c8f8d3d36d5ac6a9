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

export class DynamicTable {
  /** Changes with every insertion and eviction. */
  generation = 0;
  /** How many were ever inserted; the newest entry has number `inserted - 1`. */
  inserted = 0;
  /** How many were ever evicted; the oldest entry has this number. */
  evicted = 0;
  sizeBytes = 0;
  limitBytes: number;
  #names: string[] = [];
  #values: string[] = [];
  #mask = -1;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** Entries there now. */
  get count(): number {
    return this.inserted - this.evicted;
  }

  /** The name of entry `number`; it must be there. */
  name(number: number): string {
    return this.#names[number & this.#mask] as string;
  }

  /** The value of entry `number`; it must be there. */
  value(number: number): string {
    return this.#values[number & this.#mask] as string;
  }

  /** Inserts, evicting first; an entry larger than the table empties it (RFC 7541, section 4.4). */
  insert(name: string, value: string): boolean {
    const bytes = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    this.generation += 1;
    this.#evictTo(this.limitBytes - bytes);
    if (bytes > this.limitBytes) return false;
    if (this.count > this.#mask) this.#grow();
    this.#names[this.inserted & this.#mask] = name;
    this.#values[this.inserted & this.#mask] = value;
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
      this.sizeBytes -=
        (this.#names[slot] as string).length +
        (this.#values[slot] as string).length +
        ENTRY_OVERHEAD_BYTES;
      // What is evicted may be garbage: do not hold on to it.
      this.#names[slot] = '';
      this.#values[slot] = '';
      this.evicted += 1;
      this.generation += 1;
    }
  }

  #grow(): void {
    const size = Math.max(RING_START, (this.#mask + 1) * 2);
    const names = new Array<string>(size).fill('');
    const values = new Array<string>(size).fill('');
    for (let number = this.evicted; number < this.inserted; number += 1) {
      names[number & (size - 1)] = this.name(number);
      values[number & (size - 1)] = this.value(number);
    }
    this.#names = names;
    this.#values = values;
    this.#mask = size - 1;
  }
}
