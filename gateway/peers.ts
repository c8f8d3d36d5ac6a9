/**
 * The linked clusters: their tunnels and what they told us, kept in step with the snapshot.
 */
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { RemoteCandidate } from './balance/candidates.ts';
import { followCatalog } from './catalog/follow.ts';
import type { CatalogSource } from './catalog/source.ts';
import type { Peer } from './snapshot/types.ts';
import { type PeerContext, PeerTunnels } from './tunnel/peer.ts';

interface Linked {
  readonly tunnels: PeerTunnels;
  readonly catalog: CatalogSource;
  readonly stop: AbortController;
}

export interface PeersOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly tunnelContext: PeerContext;
  /** A catalog changed: weights are to be read again. */
  readonly onCatalog: (cluster: string) => void;
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #linked = new Map<string, Linked>();

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** Links, changes and unlinks so that exactly `peers` are linked. */
  update(peers: ReadonlyMap<string, Peer>): void {
    for (const [cluster, { tunnels, stop }] of this.#linked) {
      const peer = peers.get(cluster);
      if (peer?.trust === tunnels.peer.trust) continue;
      // Also where it names other roots: whoever held those of before has said what is known.
      const why = peer === undefined ? 'the Link was removed' : 'the Link trusts others now';
      stop.abort();
      tunnels.close(new IsthmusError('NOT_AUTHORIZED', why), false);
      this.#linked.delete(cluster);
    }
    for (const [cluster, peer] of peers) {
      const known = this.#linked.get(cluster);
      if (known) known.tunnels.update(peer);
      else this.#linked.set(cluster, this.#link(peer));
    }
  }

  tunnels(cluster: string): PeerTunnels | undefined {
    return this.#linked.get(cluster)?.tunnels;
  }

  catalog(cluster: string): CatalogSource | undefined {
    return this.#linked.get(cluster)?.catalog;
  }

  all(): Iterable<PeerTunnels> {
    return [...this.#linked.values()].map((each) => each.tunnels);
  }

  /** What the balancer needs to know of `cluster` for the export `key`. */
  candidate(cluster: string, key: string): Omit<RemoteCandidate, 'cluster'> {
    const linked = this.#linked.get(cluster);
    if (!linked?.tunnels.connected) return { weight: 0, roundTripMs: Number.NaN };
    const { roundTripMs } = linked.tunnels;
    const catalog = linked.catalog.current();
    // Not heard of yet, but a mirror names it: it is asked rather than taken to have nothing.
    if (catalog === undefined) return { weight: 1, roundTripMs };
    const offered = catalog.exports.get(key);
    const spilling = offered?.spilling === true;
    return { weight: offered?.readyEndpoints ?? 0, roundTripMs, spilling };
  }

  /** Whether every peer that can be reached is, and has told its catalog. */
  get tried(): boolean {
    return [...this.#linked.values()].every(({ tunnels, catalog }) => {
      const known = catalog.current() !== undefined;
      return tunnels.tried && (known || !tunnels.connected);
    });
  }

  /** Tunnels that still carry requests of peers after {@link leave}. */
  get serving(): number {
    return [...this.#linked.values()].reduce((sum, { tunnels }) => sum + tunnels.serving, 0);
  }

  /** Serves no new requests of peers; ours still go out, until {@link drain}. */
  leave(): void {
    for (const { tunnels } of this.#linked.values()) tunnels.leave();
  }

  /** Ends every tunnel in peace. */
  drain(): void {
    for (const { tunnels, stop } of this.#linked.values()) {
      stop.abort();
      tunnels.close(new IsthmusError('SHUTTING_DOWN', 'the gateway is leaving'), true);
    }
  }

  #link(peer: Peer): Linked {
    const { clock, random, log, tunnelContext, onCatalog } = this.#options;
    const stop = new AbortController();
    const tunnels = new PeerTunnels(peer, tunnelContext);
    const catalog = followCatalog({
      clock,
      random,
      log: log.with({ peer: peer.clusterName }),
      control: () => tunnels.pick('control'),
      signal: stop.signal,
    });
    catalog.subscribe(() => onCatalog(peer.clusterName));
    return { tunnels, catalog, stop };
  }
}
