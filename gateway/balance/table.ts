/**
 * What is known of every endpoint of every service: one column per fact, one row (slot) per endpoint. pure
 *
 * Columns of numbers instead of objects: choosing among thousands touches a few numbers and makes no
 * garbage. All services of a worker share one table, so that a service with two pods costs two rows
 * and not thirty arrays. Rows are used again only when nothing of their endpoint is under way.
 *
 * Times are monotonic milliseconds.
 */
import { Answers } from './answers.ts';
import { Endpoint, type EndpointKind, NO_SLOT } from './endpoint.ts';
import { TUNING } from './tuning.ts';

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
  /** Expected milliseconds to the first byte. */
  estimateMs = new Float64Array(0);
  /** Sum of the starts of all attempts that wait for a first byte. */
  startsMs = new Float64Array(0);
  waiting = new Int32Array(0);
  inFlight = new Int32Array(0);
  /** How much one request under way loads it: 1 / capacity for a cluster, 1 for a pod. */
  perCapacity = new Float64Array(0);
  /** What a cost is multiplied with: 1 / (weight · ramp · success²); made when one of them changes. */
  factor = new Float64Array(0);
  /** What one more request costs there, ages left out: kept by {@link EndpointTable.price}. */
  cost = new Float64Array(0);
  /** By how much each request under way raises that. */
  costEach = new Float64Array(0);
  /** When it was heard of last. */
  observedMs = new Float64Array(0);
  success = new Float64Array(0);
  /** A pod's static weight, or a cluster's ready endpoints. */
  weight = new Float64Array(0);
  /** Share of its weight it takes while starting slowly. */
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
  /** Failures since the last success. */
  failures = new Uint32Array(0);
  /** Ejections since it last was sound for long. */
  ejections = new Uint8Array(0);
  /** Probes since it was ejected. */
  probes = new Uint32Array(0);
  flags = new Uint8Array(0);
  /** How it stands (`members.ts`), and where among its group's members. */
  standing = new Uint8Array(0);
  place = new Int32Array(0);
  /** The handle of each row in use. */
  readonly handles: (Endpoint | undefined)[] = [];
  readonly answers = new Answers();
  readonly #free: number[] = [];
  #used = 0;
  #capacity = 0;

  /** Rows in use, those included whose endpoint is gone. */
  get rows(): number {
    return this.#used - this.#free.length;
  }

  /** A row for a new endpoint, of which nothing is known. */
  add(key: string, kind: EndpointKind, nowMs: number): Endpoint {
    const slot = this.#free.pop() ?? this.#next();
    const endpoint = new Endpoint(key, kind, slot);
    this.handles[slot] = endpoint;
    this.estimateMs[slot] = TUNING.unknownMs;
    this.startsMs[slot] = 0;
    this.waiting[slot] = 0;
    this.inFlight[slot] = 0;
    this.perCapacity[slot] = 1;
    this.factor[slot] = 1;
    this.observedMs[slot] = nowMs;
    this.success[slot] = 1;
    this.weight[slot] = 1;
    this.ramp[slot] = 1;
    this.penalisedUntilMs[slot] = Number.NEGATIVE_INFINITY;
    this.ejectedAtMs[slot] = Number.NEGATIVE_INFINITY;
    this.roundTripMs[slot] = Number.NaN;
    this.credit[slot] = 0;
    this.failures[slot] = 0;
    this.ejections[slot] = 0;
    this.probes[slot] = 0;
    this.flags[slot] = FLAG.UNSEEN;
    this.answers.clear(slot);
    return endpoint;
  }

  /**
   * Makes the cost of `slot` anew, after its estimate, its load or its factor changed: once here, so that
   * a pick that looks at it has one number to read. Without `byLatency` all endpoints count as equally fast.
   */
  price(slot: number, byLatency: boolean): void {
    const expectedMs = byLatency ? (this.estimateMs[slot] as number) : 1;
    const idleCost = expectedMs * (this.factor[slot] as number);
    const costEach = idleCost * (this.perCapacity[slot] as number);
    this.costEach[slot] = costEach;
    this.cost[slot] = idleCost + (this.inFlight[slot] as number) * costEach;
  }

  /** The endpoint has left its group; its row is free as soon as nothing of it is under way. */
  remove(slot: number): void {
    (this.flags[slot] as number) |= FLAG.GONE;
    this.freeIfDone(slot);
  }

  /** Frees the row of an endpoint that is gone and has nothing under way. */
  freeIfDone(slot: number): void {
    if (((this.flags[slot] as number) & FLAG.GONE) === 0 || this.inFlight[slot] !== 0) return;
    const endpoint = this.handles[slot];
    if (endpoint === undefined) return;
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
    const integers = (old: Int32Array<ArrayBuffer>) => filled(new Int32Array(capacity), old);
    const counts = (old: Uint32Array<ArrayBuffer>) => filled(new Uint32Array(capacity), old);
    const bytes = (old: Uint8Array<ArrayBuffer>) => filled(new Uint8Array(capacity), old);
    this.estimateMs = doubles(this.estimateMs);
    this.startsMs = doubles(this.startsMs);
    this.waiting = integers(this.waiting);
    this.inFlight = integers(this.inFlight);
    this.perCapacity = doubles(this.perCapacity);
    this.factor = doubles(this.factor);
    this.cost = doubles(this.cost);
    this.costEach = doubles(this.costEach);
    this.observedMs = doubles(this.observedMs);
    this.success = doubles(this.success);
    this.weight = doubles(this.weight);
    this.ramp = doubles(this.ramp);
    this.rampFromMs = doubles(this.rampFromMs);
    this.penalisedUntilMs = doubles(this.penalisedUntilMs);
    this.ejectedAtMs = doubles(this.ejectedAtMs);
    this.probeAtMs = doubles(this.probeAtMs);
    this.roundTripMs = doubles(this.roundTripMs);
    this.credit = doubles(this.credit);
    this.failures = counts(this.failures);
    this.ejections = bytes(this.ejections);
    this.probes = counts(this.probes);
    this.flags = bytes(this.flags);
    this.standing = bytes(this.standing);
    this.place = integers(this.place);
    this.answers.grow(capacity);
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
