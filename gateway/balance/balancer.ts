/**
 * The balancers of every service, kept in step with the snapshot, the peers and the probes.
 *
 * Promises: state of an endpoint survives every snapshot that still has it; ejected endpoints are
 * probed outside the picker, so that a cost-ordered picker can never starve one that came back.
 */

import { backoffMs } from '#core/backoff.ts';
import type { Clock, Timer } from '#core/clock.ts';
import { formatAddress } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import { formatTarget, type Snapshot, type Target } from '../snapshot/types.ts';
import type { EndpointState, Outcome } from './endpoint.ts';
import { type Choice, type RemoteCandidate, ServiceBalancer } from './service.ts';

const TICK_MS = 250;
const EJECTION = { firstMs: 1_000, maxMs: 10_000 };

export interface BalancerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether `host:port` accepts a TCP connection, answered within a second. */
  readonly probe: (address: string) => Promise<boolean>;
  /** What is known of `cluster` for the export `namespace/name` right now. */
  readonly remote: (cluster: string, key: string) => Omit<RemoteCandidate, 'cluster'>;
}

interface Entry {
  readonly key: string;
  readonly balancer: ServiceBalancer;
  local: readonly string[];
  clusters: readonly string[];
}

export class Balancer {
  readonly #options: BalancerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ticker: Timer;

  constructor(options: BalancerOptions) {
    this.#options = options;
    this.#ticker = options.clock.every(TICK_MS, () => this.#tick());
  }

  /** Takes over a snapshot: every listener's target and every exported service gets a balancer. */
  update(snapshot: Snapshot): void {
    const wanted = new Set<string>();
    for (const route of snapshot.listeners.values()) {
      const local = route.local ? localKeys(snapshot, route.target) : [];
      this.#set(
        balanceKey(route.target, route.mirror),
        route.target,
        local,
        route.clusters,
        wanted,
      );
    }
    for (const service of snapshot.services.values()) {
      if (!service.exported) continue;
      for (const port of service.ports.keys()) {
        const target = { namespace: service.namespace, name: service.name, port };
        this.#set(balanceKey(target), target, localKeys(snapshot, target), [], wanted);
      }
    }
    for (const key of this.#entries.keys()) if (!wanted.has(key)) this.#entries.delete(key);
  }

  /** What is known of the peers has changed: weights and round trips are read again. */
  refresh(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const entry of this.#entries.values()) this.#apply(entry, nowMs);
  }

  /** Where the next attempt goes of a request for `key`, made by {@link balanceKey}, tried at `tried`. */
  choose(key: string, tried: readonly string[], nowMs: number): Choice | undefined {
    return this.#entries.get(key)?.balancer.choose(nowMs, tried);
  }

  /** Reports the end, at `nowMs`, of an attempt that {@link EndpointState.begin} announced. */
  finish(
    endpoint: EndpointState,
    startMs: number,
    nowMs: number,
    outcome: Outcome,
    latencyMs: number,
  ): void {
    endpoint.end(startMs, nowMs, outcome, latencyMs);
    if (outcome === 'success' || outcome === 'cancelled') return;
    if (!endpoint.ejected && endpoint.failing) {
      const wait = backoffMs(EJECTION, endpoint.ejections + 1, this.#options.random);
      endpoint.eject(nowMs + wait);
    }
  }

  /** Every balancer with its name, for the admin port. */
  entries(): Iterable<readonly [string, ServiceBalancer]> {
    return [...this.#entries.values()].map((each) => [each.key, each.balancer] as const);
  }

  close(): void {
    this.#ticker.cancel();
  }

  #set(
    key: string,
    target: Target,
    local: readonly string[],
    clusters: readonly string[],
    wanted: Set<string>,
  ): void {
    wanted.add(key);
    let entry = this.#entries.get(key);
    if (!entry) {
      const balancer = new ServiceBalancer(this.#options.random);
      entry = { key: `${target.namespace}/${target.name}`, balancer, local, clusters };
      this.#entries.set(key, entry);
    }
    entry.local = local;
    entry.clusters = clusters;
    this.#apply(entry, this.#options.clock.monotonicMs());
  }

  #apply(entry: Entry, nowMs: number): void {
    const remote = entry.clusters.map((cluster) => ({
      cluster,
      ...this.#options.remote(cluster, entry.key),
    }));
    entry.balancer.update(entry.local, remote, nowMs);
  }

  #tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { balancer } of this.#entries.values()) {
      balancer.drift(nowMs, TICK_MS);
      const median = balancer.local.medianLatencyMs();
      for (const each of balancer.local.endpoints) {
        if (each.probeAtMs !== undefined && each.probeAtMs <= nowMs) this.#probe(each, median);
      }
      // A cluster is probed by its tunnels' pings, never per service: backoff over, it may try again.
      for (const each of balancer.remote.endpoints) {
        if (each.probeAtMs !== undefined && each.probeAtMs <= nowMs) each.revive(nowMs, Number.NaN);
      }
    }
  }

  #probe(endpoint: EndpointState, seedMs: number): void {
    const { clock, random, probe } = this.#options;
    endpoint.probeAtMs = Number.POSITIVE_INFINITY;
    void probe(endpoint.key).then((alive) => {
      const nowMs = clock.monotonicMs();
      if (alive) endpoint.revive(nowMs, seedMs);
      else endpoint.eject(nowMs + backoffMs(EJECTION, endpoint.ejections + 1, random));
    });
  }
}

/**
 * The name of a balancer: of what a listener serves by `mirror`, or, without it, of what other clusters
 * ask for, where only local endpoints count.
 */
export function balanceKey(target: Target, mirror?: string): string {
  return mirror === undefined ? formatTarget(target) : `${mirror}>${formatTarget(target)}`;
}

function localKeys(snapshot: Snapshot, target: Target): readonly string[] {
  const service = snapshot.services.get(`${target.namespace}/${target.name}`);
  const port = service?.ports.get(target.port);
  return (port?.endpoints ?? []).map(formatAddress);
}
