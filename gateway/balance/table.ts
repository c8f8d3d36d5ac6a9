/**
 * What is known of every endpoint of every service, by its slot: a row of numbers for what requests touch
 * (`row.ts`), and a column for each of the rest. pure
 *
 * Numbers instead of objects: choosing among thousands touches a few of them and makes no garbage. All services of
 * a worker share one table, so that a service with two pods costs two rows and not thirty arrays. Slots are used
 * again only when nothing of their endpoint is under way.
 *
 * Times are monotonic milliseconds.
 */
import { Endpoint, type EndpointKind, NO_SLOT } from './endpoint.ts';
import { ROW, ROW_SIZE } from './row.ts';
import { TUNING } from './tuning.ts';

const SIZE = ROW_SIZE;
const { COST, COST_EACH, DISCOUNT, ESTIMATE, FACTOR, FAMILIAR, IN_FLIGHT, PER_CAPACITY, WAITING } =
  ROW;

/** Bits of {@link EndpointTable.flags}. */
export const FLAG = {
  /** Nothing was measured since it came or came back: the estimate is a guess. */
  UNSEEN: 1,
  /** Came to a group that was whole without it, and has not grown up yet. */
  EXTRA: 2,
  /** Starting slowly. */
  RAMPING: 4,
  /** Out of the picker until it answers a probe. */
  EJECTED: 8,
  /** With EJECTED: nothing accepted connections. */
  REFUSED: 16,
  /** A cluster that is itself short of capacity. */
  SPILLING: 32,
  /** No member of its group any more; something of it is still under way. */
  GONE: 64,
} as const;

const FIRST_CAPACITY = 16;

export class EndpointTable {
  rows = new Float64Array(0);
  /** A pod's static weight, or a cluster's ready endpoints. */
  weight = new Float64Array(0);
  /** Share of its weight it takes while starting slowly, and since when it does. */
  ramp = new Float64Array(0);
  rampFromMs = new Float64Array(0);
  penalisedUntilMs = new Float64Array(0);
  /** When it was ejected last. */
  ejectedAtMs = new Float64Array(0);
  /** When the next probe is due, while ejected. */
  probeAtMs = new Float64Array(0);
  /** Between the gateways; NaN for a pod, and while unknown. */
  roundTripMs = new Float64Array(0);
  /** Share of a turn it has saved up (round robin and random). */
  credit = new Float64Array(0);
  /** Answers, and bad ones, of the seconds before those counted in the rows. */
  answersBefore = new Float64Array(0);
  badBefore = new Float64Array(0);
  /** Ejections since it last was sound for long. */
  ejections = new Uint8Array(0);
  /** Probes since it is known. */
  probes = new Uint32Array(0);
  flags = new Uint8Array(0);
  /** How it stands (`members.ts`), and where among its group's members. */
  standing = new Uint8Array(0);
  place = new Int32Array(0);
  /** The handle of each slot in use. */
  readonly handles: (Endpoint | undefined)[] = [];
  readonly #free: number[] = [];
  #used = 0;
  #capacity = 0;
  #turnAtMs = Number.NaN;

  /** Slots in use, those included whose endpoint is gone. */
  get size(): number {
    return this.#used - this.#free.length;
  }

  /** `fact` of `slot`, one of {@link ROW}. */
  get(slot: number, fact: number): number {
    return this.rows[slot * SIZE + fact] as number;
  }

  /** Changes `fact` of `slot`, one of {@link ROW}. */
  set(slot: number, fact: number, value: number): void {
    this.rows[slot * SIZE + fact] = value;
  }

  /** Whether all of `flag` is set of `slot`. */
  is(slot: number, flag: number): boolean {
    return ((this.flags[slot] as number) & flag) === flag;
  }

  /** A slot for a new endpoint, of which nothing is known. */
  add(key: string, kind: EndpointKind, nowMs: number): Endpoint {
    const slot = this.#free.pop() ?? this.#next();
    const endpoint = new Endpoint(key, kind, slot);
    this.handles[slot] = endpoint;
    this.rows.fill(0, slot * SIZE, (slot + 1) * SIZE);
    this.set(slot, ESTIMATE, TUNING.unknownMs);
    this.set(slot, PER_CAPACITY, 1);
    this.set(slot, FACTOR, 1);
    this.set(slot, ROW.SHARE, 1);
    this.set(slot, ROW.SUCCESS, 1);
    this.set(slot, ROW.OBSERVED, nowMs);
    this.weight[slot] = 1;
    this.ramp[slot] = 1;
    this.penalisedUntilMs[slot] = Number.NEGATIVE_INFINITY;
    this.ejectedAtMs[slot] = Number.NEGATIVE_INFINITY;
    this.roundTripMs[slot] = Number.NaN;
    this.credit[slot] = 0;
    this.answersBefore[slot] = 0;
    this.badBefore[slot] = 0;
    this.ejections[slot] = 0;
    this.probes[slot] = 0;
    this.flags[slot] = FLAG.UNSEEN;
    return endpoint;
  }

  /**
   * Makes the cost of `slot` anew, after its estimate, its load or its factor changed: once here, so that
   * a pick that looks at it has one number to read. Without `byLatency` all endpoints count as equally fast.
   */
  price(slot: number, byLatency: boolean): void {
    const { rows } = this;
    const at = slot * SIZE;
    const expectedMs = byLatency ? (rows[at + ESTIMATE] as number) : 1;
    const idleCost = expectedMs * (rows[at + FACTOR] as number);
    const discount = byLatency ? (rows[at + DISCOUNT] as number) : 0;
    const waiting = rows[at + WAITING] as number;
    const familiar = rows[at + FAMILIAR] as number;
    const load = (rows[at + IN_FLIGHT] as number) - discount * Math.min(waiting, familiar);
    const costEach = idleCost * (rows[at + PER_CAPACITY] as number);
    rows[at + COST_EACH] = costEach;
    rows[at + COST] = idleCost + load * costEach;
  }

  /** What `slot` did so far is held neither for nor against it. */
  forgive(slot: number): void {
    this.set(slot, ROW.SUCCESS, 1);
    for (const fact of [ROW.FAILURES, ROW.ANSWERS, ROW.BAD]) this.set(slot, fact, 0);
    this.answersBefore[slot] = 0;
    this.badBefore[slot] = 0;
  }

  /** Lets answers go that are too old at `nowMs`: those before the last five to ten seconds. Any number of calls. */
  turn(nowMs: number): void {
    if (Number.isNaN(this.#turnAtMs)) this.#turnAtMs = nowMs + TUNING.answersMs;
    if (nowMs < this.#turnAtMs) return;
    const isLongAgo = nowMs >= this.#turnAtMs + TUNING.answersMs;
    this.#turnAtMs = nowMs + TUNING.answersMs;
    for (let slot = 0; slot < this.#used; slot += 1) {
      this.answersBefore[slot] = isLongAgo ? 0 : this.get(slot, ROW.ANSWERS);
      this.badBefore[slot] = isLongAgo ? 0 : this.get(slot, ROW.BAD);
      this.set(slot, ROW.ANSWERS, 0);
      this.set(slot, ROW.BAD, 0);
    }
  }

  /** The endpoint has left its group; its slot is free as soon as nothing of it is under way. */
  remove(slot: number): void {
    (this.flags[slot] as number) |= FLAG.GONE;
    this.freeIfDone(slot);
  }

  /** Frees the slot of an endpoint that is gone and has nothing under way. */
  freeIfDone(slot: number): void {
    const endpoint = this.handles[slot];
    if (endpoint === undefined || !this.is(slot, FLAG.GONE)) return;
    if (this.get(slot, IN_FLIGHT) !== 0) return;
    endpoint.slot = NO_SLOT;
    this.handles[slot] = undefined;
    this.#free.push(slot);
  }

  #next(): number {
    if (this.#used === this.#capacity) this.#grow();
    this.#used += 1;
    return this.#used - 1;
  }

  #grow(): void {
    const capacity = Math.max(FIRST_CAPACITY, this.#capacity * 2);
    const doubles = (old: Float64Array<ArrayBuffer>) => filled(new Float64Array(capacity), old);
    const bytes = (old: Uint8Array<ArrayBuffer>) => filled(new Uint8Array(capacity), old);
    this.rows = filled(new Float64Array(capacity * SIZE), this.rows);
    this.weight = doubles(this.weight);
    this.ramp = doubles(this.ramp);
    this.rampFromMs = doubles(this.rampFromMs);
    this.penalisedUntilMs = doubles(this.penalisedUntilMs);
    this.ejectedAtMs = doubles(this.ejectedAtMs);
    this.probeAtMs = doubles(this.probeAtMs);
    this.roundTripMs = doubles(this.roundTripMs);
    this.credit = doubles(this.credit);
    this.answersBefore = doubles(this.answersBefore);
    this.badBefore = doubles(this.badBefore);
    this.ejections = bytes(this.ejections);
    this.probes = filled(new Uint32Array(capacity), this.probes);
    this.flags = bytes(this.flags);
    this.standing = bytes(this.standing);
    this.place = filled(new Int32Array(capacity), this.place);
    this.#capacity = capacity;
  }
}

function filled<T extends { set(from: ArrayLike<number>): void }>(
  column: T,
  old: ArrayLike<number>,
): T {
  column.set(old);
  return column;
}
