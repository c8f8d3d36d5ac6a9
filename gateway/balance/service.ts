/**
 * Where the next request for one service goes: a local endpoint or a remote cluster. pure
 *
 * `balancing.md` §4, two-level choice: local unless remote is clearly better; the local share shrinks
 * with the available local weight, so an outage spills in proportion and a recovery fills up slowly.
 */
import type { Random } from '#core/random.ts';
import type { EndpointState } from './endpoint.ts';
import { EndpointGroup } from './group.ts';

export const CHOICE = {
  /** Local stays while its cost is at most `kappa × remote + deltaMs`. */
  kappa: 1.5,
  deltaMs: 5,
  /** Local keeps everything until this share of its weight is gone: 1 / 1.4. */
  overprovision: 1.4,
} as const;

/** One remote cluster that may serve. */
export interface RemoteCandidate {
  readonly cluster: string;
  /** Its ready endpoints as last announced; 0 while it is unreachable or has none. */
  readonly weight: number;
  /** Round trip between the gateways; NaN while unknown. */
  readonly roundTripMs: number;
}

export type Choice =
  | { readonly kind: 'local'; readonly endpoint: EndpointState }
  | { readonly kind: 'remote'; readonly endpoint: EndpointState };

export class ServiceBalancer {
  readonly local: EndpointGroup;
  readonly remote: EndpointGroup;
  readonly #random: Random;
  #roundTripMs = new Map<string, number>();

  constructor(random: Random) {
    this.#random = random;
    this.local = new EndpointGroup(random);
    this.remote = new EndpointGroup(random);
  }

  /** Takes over the members; what is known of those that stay is kept. */
  update(local: readonly string[], remote: readonly RemoteCandidate[], nowMs: number): void {
    this.local.setMembers(local, nowMs);
    this.remote.setMembers(
      remote.map((each) => each.cluster),
      nowMs,
    );
    for (const each of remote) {
      this.#roundTripMs.set(each.cluster, each.roundTripMs);
      const state = this.remote.find(each.cluster);
      if (state) state.weight = each.weight;
    }
  }

  /**
   * The next attempt's endpoint. `tried` holds keys already attempted for this request; a retry
   * prefers another cluster over another local endpoint. `undefined`: nothing is left.
   */
  choose(nowMs: number, tried: readonly string[]): Choice | undefined {
    const remote = this.remote.pick(nowMs, tried, false);
    if (tried.length > 0 && remote) return { kind: 'remote', endpoint: remote };
    const local = this.local.pick(nowMs, tried, false);
    if (local && remote) {
      return this.#prefersLocal(local, remote, nowMs)
        ? { kind: 'local', endpoint: local }
        : { kind: 'remote', endpoint: remote };
    }
    if (local) return { kind: 'local', endpoint: local };
    if (remote) return { kind: 'remote', endpoint: remote };
    // Panic: everything is ejected; a guess is better than a refusal.
    const guess = this.local.pick(nowMs, tried, true);
    if (guess) return { kind: 'local', endpoint: guess };
    const last = this.remote.pick(nowMs, tried, true);
    return last && { kind: 'remote', endpoint: last };
  }

  /** Share of requests the local group may take at most, 0 to 1. */
  localShare(nowMs: number): number {
    return Math.min(1, CHOICE.overprovision * this.local.health(nowMs));
  }

  /** Every `elapsedMs`: estimates nobody refreshed drift to what their neighbours show. */
  drift(nowMs: number, elapsedMs: number): void {
    const median = this.local.medianLatencyMs();
    for (const each of this.local.endpoints) each.drift(nowMs, elapsedMs, median);
    for (const each of this.remote.endpoints) {
      const roundTripMs = this.#roundTripMs.get(each.key) ?? Number.NaN;
      each.drift(nowMs, elapsedMs, (Number.isNaN(median) ? 0 : median) + roundTripMs);
    }
  }

  #prefersLocal(local: EndpointState, remote: EndpointState, nowMs: number): boolean {
    const share = this.localShare(nowMs);
    if (share < 1 && this.#random.next() >= share) return false;
    return local.cost(nowMs) <= CHOICE.kappa * remote.cost(nowMs) + CHOICE.deltaMs;
  }
}
