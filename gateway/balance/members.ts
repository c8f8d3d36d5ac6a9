/**
 * The members of one group as a dense list of slots, sorted by how they stand. pure
 *
 * Those that may be asked come first, so that a random pick among them needs no search; a change of
 * standing is at most five swaps, however many members there are.
 */
import type { EndpointTable } from './table.ts';

/** How a member stands. */
export const STANDING = {
  /** Available. */
  ACTIVE: 0,
  /** A cluster that is spilling itself or succeeds too rarely: only when nothing else is left. */
  RELUCTANT: 1,
  /** Ejected for bad answers: asked in panic, together with all before. */
  FAILING: 2,
  /** Wanted to be left alone for a while. */
  PENALISED: 3,
  /** Ejected because nothing accepts connections. */
  UNREACHABLE: 4,
  /** Nothing stands behind it: never asked. */
  OUT: 5,
} as const;

const STANDINGS = 6;
const FIRST_LENGTH = 4;

export class Members {
  slots = new Int32Array(FIRST_LENGTH);
  /** Where the members of each standing end; those of the next begin there. */
  readonly ends = new Int32Array(STANDINGS);
  readonly #table: EndpointTable;

  constructor(table: EndpointTable) {
    this.#table = table;
  }

  get count(): number {
    return this.ends[STANDING.OUT] as number;
  }

  /** All but those nothing stands behind. */
  get alive(): number {
    return this.ends[STANDING.UNREACHABLE] as number;
  }

  /** Those out of the picker for what they did. */
  get ejected(): number {
    return this.countOf(STANDING.FAILING) + this.countOf(STANDING.UNREACHABLE);
  }

  countOf(standing: number): number {
    const from = standing === 0 ? 0 : (this.ends[standing - 1] as number);
    return (this.ends[standing] as number) - from;
  }

  add(slot: number): void {
    const { count } = this;
    if (count === this.slots.length) {
      const grown = new Int32Array(count * 2);
      grown.set(this.slots);
      this.slots = grown;
    }
    this.slots[count] = slot;
    this.ends[STANDING.OUT] = count + 1;
    this.#table.place[slot] = count;
    this.#table.standing[slot] = STANDING.OUT;
  }

  remove(slot: number): void {
    this.move(slot, STANDING.OUT);
    const last = this.count - 1;
    this.#swap(this.#table.place[slot] as number, last);
    this.ends[STANDING.OUT] = last;
  }

  move(slot: number, to: number): void {
    const { ends } = this;
    const { standing, place } = this.#table;
    let at = standing[slot] as number;
    for (; at < to; at += 1) {
      const last = (ends[at] as number) - 1;
      this.#swap(place[slot] as number, last);
      ends[at] = last;
    }
    for (; at > to; at -= 1) {
      const first = ends[at - 1] as number;
      this.#swap(place[slot] as number, first);
      ends[at - 1] = first + 1;
    }
    standing[slot] = to;
  }

  #swap(a: number, b: number): void {
    const { slots } = this;
    const { place } = this.#table;
    const [inA, inB] = [slots[a] as number, slots[b] as number];
    slots[a] = inB;
    slots[b] = inA;
    place[inB] = a;
    place[inA] = b;
  }
}
