/**
 * Keys that wait for work, in lanes: one for each budget, and one for what no budget pays for.
 *
 * Promises: lanes take turns, so that a long one holds up no other; within a lane the first is served first; a key waits
 * in one lane at a time. What a budget has spent is remembered when its lane is empty. pure
 */
import { Bucket, type Rate } from '#core/bucket.ts';

/** What pays for work on some keys, all of them together. */
export interface Budget {
  readonly name: string;
  readonly rate: Rate;
}

/** Budgets remembered; the one unused for longest is forgotten first, and is full when it comes back. */
const BUDGETS_MAX = 1_000;

export class Lanes {
  /** The lane whose turn is next comes first. */
  readonly #lanes = new Map<string | undefined, Set<string>>();
  readonly #laneOf = new Map<string, string | undefined>();
  readonly #buckets = new Map<string, Bucket>();

  /** Keys that wait. */
  get size(): number {
    return this.#laneOf.size;
  }

  /** `key` waits for `budget`, at the end of its lane; one that waits there already keeps its place. */
  add(key: string, budget: Budget | undefined): void {
    const name = budget?.name;
    if (this.#laneOf.has(key)) {
      if (this.#laneOf.get(key) === name) return;
      this.#remove(key);
    }
    const lane = this.#lanes.get(name) ?? new Set();
    this.#lanes.set(name, lane.add(key));
    this.#laneOf.set(key, name);
    if (budget !== undefined && !this.#buckets.has(budget.name)) {
      this.#buckets.set(budget.name, new Bucket(budget.rate));
    }
  }

  /** Takes out the key whose turn it is; undefined while none may be worked on. */
  next(nowMs: number): string | undefined {
    for (const [name, lane] of this.#lanes) {
      const [key] = lane;
      if (key === undefined || !this.#pays(name, nowMs)) continue;
      this.#remove(key);
      if (this.#lanes.delete(name) && lane.size > 0) this.#lanes.set(name, lane);
      return key;
    }
    return undefined;
  }

  /** Nothing waits any more. */
  clear(): void {
    this.#lanes.clear();
    this.#laneOf.clear();
  }

  #pays(name: string | undefined, nowMs: number): boolean {
    const bucket = name === undefined ? undefined : this.#buckets.get(name);
    if (name === undefined || bucket === undefined) return true;
    if (!bucket.take(nowMs)) return false;
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    for (const idle of this.#buckets.keys()) {
      if (this.#buckets.size <= BUDGETS_MAX) break;
      if (!this.#lanes.has(idle)) this.#buckets.delete(idle);
    }
    return true;
  }

  #remove(key: string): void {
    const name = this.#laneOf.get(key);
    const lane = this.#lanes.get(name);
    lane?.delete(key);
    if (lane?.size === 0) this.#lanes.delete(name);
    this.#laneOf.delete(key);
  }
}
