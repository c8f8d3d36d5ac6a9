/**
 * What an encoder knows of a name: where the tables hold it and its values, and whether values repeat.
 *
 * Values are compared, never looked up: a table of hashes would have to take in every one of those that
 * never come again. Forgetting is safe, for a value not found is merely sent as a literal.
 */
import { SENSITIVE_NAMES } from './names.ts';
import { STATIC_BY_NAME } from './static-table.ts';

/** Values remembered with the number of their entry. */
const VALUES_MAX = 8;
/** So many new values in a row, and a name is taken to vary: two of so many are then looked at. */
const VARYING = 16;
const NONE: readonly never[] = [];

export class EncodedName {
  readonly text: string;
  readonly sensitive: boolean;
  /** The lowest index of this name in the static table, or 0. */
  readonly fixedName: number;
  /** Number of the newest entry with this name; gone when below the table's `evicted`. */
  newest = -1;
  readonly #fixedValues: readonly string[];
  readonly #fixedIndices: readonly number[];
  /** Values in the table, and the numbers of their entries; the oldest makes room for the next. */
  readonly #values: string[] = [];
  readonly #numbers: number[] = [];
  #next = 0;
  /** Value last sent, a candidate for the table. */
  #last: string | undefined;
  /** New values in a row. */
  #fresh = 0;

  constructor(text: string) {
    const fixed = STATIC_BY_NAME.get(text);
    this.text = text;
    this.sensitive = SENSITIVE_NAMES.has(text);
    this.fixedName = fixed?.index ?? 0;
    this.#fixedValues = fixed?.values ?? NONE;
    this.#fixedIndices = fixed?.indices ?? NONE;
  }

  /** Counts a value: whether it is not worth a comparison, since values of this name keep changing. */
  passes(): boolean {
    if (this.#fresh < VARYING) return false;
    this.#fresh += 1;
    // Two in a row are compared with each other, then as many pass as before.
    if (this.#fresh < 2 * VARYING) return true;
    if (this.#fresh > 2 * VARYING) this.#fresh = VARYING;
    return false;
  }

  /** The index of the name with `value` in the static table, or 0. */
  fixedIndex(value: string): number {
    const values = this.#fixedValues;
    for (let at = 0; at < values.length; at += 1) {
      if (values[at] !== value) continue;
      this.#fresh = 0;
      return this.#fixedIndices[at] as number;
    }
    return 0;
  }

  /** The number of the entry of the name with `value`, which may be gone, or -1. */
  numberOf(value: string): number {
    const values = this.#values;
    for (let at = 0; at < values.length; at += 1) {
      if (values[at] !== value) continue;
      this.#fresh = 0;
      return this.#numbers[at] as number;
    }
    return -1;
  }

  /** Whether `value` is what was sent last; it is from now on. */
  repeats(value: string): boolean {
    if (this.#last === value) {
      this.#fresh = 0;
      return true;
    }
    this.#last = value;
    if (this.#fresh < VARYING) this.#fresh += 1;
    return false;
  }

  /** Entry `number` of the dynamic table is the name with `value`. */
  remember(value: string, number: number): void {
    this.newest = number;
    const known = this.#values.indexOf(value);
    const at = known < 0 ? this.#next : known;
    this.#values[at] = value;
    this.#numbers[at] = number;
    if (known < 0) this.#next = (this.#next + 1) % VALUES_MAX;
  }
}
