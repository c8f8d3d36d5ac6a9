/**
 * The balancers of every service of a worker, kept in step with the snapshot, the peers and the probes.
 *
 * Promises: state of an endpoint survives every snapshot that still has it; ejected endpoints are
 * probed outside the picker, so that a cost-ordered picker can never starve one that came back.
 */

import type { Clock, Timer } from '#core/clock.ts';
import { formatAddress } from '#core/network.ts';
import type { Random } from '#core/random.ts';
import { TRAFFIC_DEFAULTS, type TrafficSettings } from '../snapshot/traffic.ts';
import {
  formatTarget,
  type LocalEndpoint,
  type LocalPort,
  type Snapshot,
  type Target,
} from '../snapshot/types.ts';
import type { Candidate, RemoteCandidate } from './candidates.ts';
import type { Endpoint } from './endpoint.ts';
import { ServiceBalancer } from './service.ts';
import { EndpointTable } from './table.ts';
import { TUNING } from './tuning.ts';

/** A probe outside the picker. */
export interface Probe {
  /** `host:port`. */
  readonly address: string;
  /** What to ask for with GET; `undefined`: that a connection is accepted is enough. */
  readonly path: string | undefined;
  /** What the pod speaks, where its port says. */
  readonly protocol: LocalPort['protocol'];
}

export interface BalancerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the endpoint is well again, answered within a second. */
  readonly probe: (probe: Probe) => Promise<boolean>;
  /** What is known of `cluster` for the export `namespace/name` right now. */
  readonly remote: (cluster: string, key: string) => Omit<RemoteCandidate, 'cluster'>;
}

/** What a snapshot says of one balancer. */
interface Wish {
  readonly target: Target;
  readonly endpoints: readonly LocalEndpoint[];
  readonly protocol: LocalPort['protocol'];
  readonly clusters: readonly string[];
  readonly traffic: TrafficSettings;
}

interface Entry {
  readonly balancer: ServiceBalancer;
  wish: Wish;
}

const NO_ENDPOINTS: readonly LocalEndpoint[] = [];
const NO_CLUSTERS: readonly string[] = [];

export class Balancer {
  readonly #options: BalancerOptions;
  readonly #table = new EndpointTable();
  readonly #entries = new Map<string, Entry>();
  readonly #ticker: Timer;
  #probes = 0;

  constructor(options: BalancerOptions) {
    this.#options = options;
    this.#ticker = options.clock.every(TUNING.tickMs, () => this.#tick());
  }

  /** Takes over a snapshot: every listener's target and every exported service gets a balancer. */
  update(snapshot: Snapshot): void {
    const nowMs = this.#options.clock.monotonicMs();
    const wanted = new Set<string>();
    const set = (key: string, wish: Wish) => {
      wanted.add(key);
      this.#set(key, wish, nowMs);
    };
    for (const { target, mirror, local, clusters, traffic } of snapshot.listeners.values()) {
      const service = snapshot.services.get(`${target.namespace}/${target.name}`);
      const port = local ? service?.ports.get(target.port) : undefined;
      set(balanceKey(target, mirror), {
        target,
        endpoints: port?.endpoints ?? NO_ENDPOINTS,
        protocol: port?.protocol,
        clusters,
        traffic: traffic ?? service?.traffic ?? TRAFFIC_DEFAULTS,
      });
    }
    for (const { namespace, name, exported, ports, traffic } of snapshot.services.values()) {
      if (!exported) continue;
      for (const [port, { endpoints, protocol }] of ports) {
        const target = { namespace, name, port };
        set(balanceKey(target), {
          target,
          endpoints,
          protocol,
          clusters: NO_CLUSTERS,
          traffic: traffic ?? TRAFFIC_DEFAULTS,
        });
      }
    }
    for (const [key, { balancer }] of this.#entries) {
      if (wanted.has(key)) continue;
      balancer.close(nowMs);
      this.#entries.delete(key);
    }
  }

  /** What is known of the peers has changed: weights and round trips are read again. */
  refresh(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { balancer, wish } of this.#entries.values())
      if (wish.clusters.length > 0) balancer.updateRemote(this.#remotes(wish), nowMs);
  }

  /** The balancer for `key`, made by {@link balanceKey}; to be looked up again once it is closed. */
  service(key: string): ServiceBalancer | undefined {
    return this.#entries.get(key)?.balancer;
  }

  /**
   * What another process's probe found: whoever is out for the same reason is back with it, or is not asked again
   * before its backoff.
   */
  heard({ address, path, protocol }: Probe, alive: boolean): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { balancer, wish } of this.#entries.values())
      if (wish.protocol === protocol) balancer.heard(address, path, alive, nowMs);
  }

  /** Every balancer with what {@link balanceKey} made of it. */
  entries(): Iterable<readonly [string, ServiceBalancer]> {
    return [...this.#entries].map(([key, { balancer }]) => [key, balancer] as const);
  }

  close(): void {
    this.#ticker.cancel();
  }

  #set(key: string, wish: Wish, nowMs: number): void {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const name = `${wish.target.namespace}/${wish.target.name}`;
      const balancer = new ServiceBalancer(name, this.#table, this.#options.random, wish.traffic);
      balancer.update(wish.endpoints.map(candidateOf), this.#remotes(wish), nowMs);
      entry = { balancer, wish };
      this.#entries.set(key, entry);
      return;
    }
    const { balancer, wish: before } = entry;
    entry.wish = wish;
    if (wish.traffic !== before.traffic) balancer.configure(wish.traffic);
    // Most services of a snapshot are what they were in the last one.
    if (wish.endpoints !== before.endpoints)
      balancer.updateLocal(wish.endpoints.map(candidateOf), nowMs);
    balancer.updateRemote(this.#remotes(wish), nowMs);
  }

  #remotes({ clusters, target }: Wish): RemoteCandidate[] {
    const key = `${target.namespace}/${target.name}`;
    return clusters.map((cluster) => ({ cluster, ...this.#options.remote(cluster, key) }));
  }

  #tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const entry of this.#entries.values()) {
      entry.balancer.tick(nowMs);
      while (this.#probes < TUNING.probesMax) {
        const endpoint = entry.balancer.takeProbe(nowMs);
        if (endpoint === undefined) break;
        void this.#probe(entry, endpoint);
      }
    }
  }

  async #probe({ balancer, wish }: Entry, endpoint: Endpoint): Promise<void> {
    const { clock, probe } = this.#options;
    const path = balancer.probePathOf(endpoint);
    this.#probes += 1;
    const alive = await probe({ address: endpoint.key, path, protocol: wish.protocol }).catch(
      () => false,
    );
    this.#probes -= 1;
    balancer.probed(endpoint, alive, clock.monotonicMs());
  }
}

/**
 * The name of a balancer: of what a listener serves by `mirror`, or, without it, of what other clusters
 * ask for, where only local endpoints count.
 */
export function balanceKey(target: Target, mirror?: string): string {
  return mirror === undefined ? formatTarget(target) : `${mirror}>${formatTarget(target)}`;
}

function candidateOf(endpoint: LocalEndpoint): Candidate {
  return { key: formatAddress(endpoint), weight: endpoint.weight ?? 1 };
}
