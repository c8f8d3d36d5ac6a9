/**
 * A set of endpoints that may stand in for each other: the local pods of a port, or the remote
 * clusters that serve it. pure
 *
 * Picks the cheapest of two random and two remembered candidates, which comes close to the cheapest
 * of all without making a herd of everybody (`balancing.md` §3).
 */
import { below, type Random } from '#core/random.ts';
import { Cheapest } from './cheapest.ts';
import { EndpointState } from './endpoint.ts';

/** How long capacity lost to failures counts as missing after its endpoints are gone. */
const LOST_CAPACITY_MS = 60_000;
/** How long a group's health is taken to be what it was. */
const HEALTH_MS = 20;

/** So many are all looked at. */
const FEW = 4;

const best = new Cheapest();

/** Keys of endpoints a request was tried at; nothing, at first. */
export const NONE_TRIED: readonly string[] = [];

export class EndpointGroup {
  readonly endpoints: EndpointState[] = [];
  readonly #random: Random;
  #first: EndpointState | undefined;
  #second: EndpointState | undefined;
  #lost: number[] = [];
  #filled = false;
  #health = 0;
  #healthUntilMs = Number.NEGATIVE_INFINITY;

  constructor(random: Random) {
    this.#random = random;
  }

  /**
   * Makes the members exactly `keys`. Members that stay keep what is known of them. Those present at
   * the first call start at full weight, later ones slowly: a process that starts must not send its
   * traffic away, and a cluster that comes back must not be flooded.
   */
  setMembers(keys: readonly string[], nowMs: number): void {
    const wanted = new Set(keys);
    const known = new Map(this.endpoints.map((each) => [each.key, each]));
    for (const each of this.endpoints) {
      if (!wanted.has(each.key) && each.ejected) this.#lost.push(nowMs);
    }
    this.endpoints.length = 0;
    for (const key of wanted) {
      this.endpoints.push(known.get(key) ?? new EndpointState(key, nowMs, this.#filled));
    }
    if (keys.length > 0) this.#filled = true;
    this.#healthUntilMs = Number.NEGATIVE_INFINITY;
    if (this.#first && !this.endpoints.includes(this.#first)) this.#first = undefined;
    if (this.#second && !this.endpoints.includes(this.#second)) this.#second = undefined;
  }

  find(key: string): EndpointState | undefined {
    return this.endpoints.find((each) => each.key === key);
  }

  /**
   * Available weight as a share of what this group needs, 0 to 1. What it needs are its established
   * members and those lately lost to failures; where none is established, all of them: so a scaled-up
   * group stays whole, and one that comes back from nothing fills up with its ramp. Counted anew at
   * most every {@link HEALTH_MS}: a pick must not cost more the more endpoints there are.
   */
  health(nowMs: number): number {
    if (nowMs >= this.#healthUntilMs) {
      this.#health = this.#countHealth(nowMs);
      this.#healthUntilMs = nowMs + HEALTH_MS;
    }
    return this.#health;
  }

  #countHealth(nowMs: number): number {
    let established = 0;
    let available = 0;
    for (const each of this.endpoints) {
      const ramp = each.ramp(nowMs);
      if (ramp === 1) {
        established += 1;
        // A replacement that has grown up makes up for one that was lost.
        if (each.replacing) this.#lost.pop();
        each.replacing = false;
      }
      if (each.available) available += ramp;
    }
    this.#lost = this.#lost.filter((atMs) => nowMs - atMs < LOST_CAPACITY_MS);
    const needed =
      established > 0
        ? established + this.#lost.length
        : Math.max(this.endpoints.length, this.#lost.length);
    return needed === 0 ? 0 : Math.min(1, available / needed);
  }

  /** Median of the measured latencies, NaN when nothing is measured. */
  medianLatencyMs(): number {
    const measured = this.endpoints
      .filter((each) => each.available)
      .map((each) => each.latencyMs)
      .filter((each) => !Number.isNaN(each))
      .sort((a, b) => a - b);
    return measured[measured.length >> 1] ?? Number.NaN;
  }

  /**
   * The cheapest candidate that is available and not among `tried`; with `panic` ejected ones count
   * too. `undefined` when there is none.
   */
  pick(nowMs: number, tried: readonly string[], panic: boolean): EndpointState | undefined {
    const { endpoints } = this;
    const { length } = endpoints;
    best.begin(nowMs, tried, panic);
    if (length <= FEW) for (let at = 0; at < length; at += 1) best.consider(endpoints[at]);
    else {
      best.consider(endpoints[below(this.#random, length)]);
      best.consider(endpoints[below(this.#random, length)]);
      best.consider(this.#first);
      best.consider(this.#second);
      // All four may be out while others are not: never refuse while one is left.
      if (best.first === undefined) for (const each of endpoints) best.consider(each);
    }
    const { first } = best;
    if (tried.length === 0 && first !== undefined) {
      this.#first = first;
      this.#second = best.second;
    }
    return first;
  }
}
