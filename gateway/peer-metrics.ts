/**
 * How things stand with the linked clusters, for Prometheus: read when somebody asks, so that nothing is told of one
 * that is linked no more, nor a round trip of one that is away.
 */
import { Gauge, type Registry } from 'prom-client';

/** What is told of a linked cluster. */
export interface PeerState {
  readonly peer: { readonly clusterName: string };
  readonly connected: boolean;
  /** NaN while none was measured. */
  readonly roundTripMs: number;
  readonly tunnelCount: number;
}

/** Registers what is told of each of `peers` in `registry`. */
export function peerMetrics(registry: Registry, peers: () => Iterable<PeerState>): void {
  const add = (
    name: string,
    help: string,
    aggregator: 'min' | 'sum',
    of: (each: PeerState) => number,
  ) =>
    new Gauge({
      name,
      help,
      aggregator,
      labelNames: ['cluster'],
      registers: [registry],
      collect() {
        this.reset();
        for (const each of peers()) {
          const value = of(each);
          if (!Number.isNaN(value)) this.set({ cluster: each.peer.clusterName }, value);
        }
      },
    });
  add(
    'isthmus_peer_connected',
    '1 while requests can be sent to the linked cluster.',
    // Any worker may be asked: what one cannot reach is not connected.
    'min',
    ({ connected }) => Number(connected),
  );
  add(
    'isthmus_peer_round_trip_seconds',
    'Shortest smoothed round trip of a tunnel to the linked cluster.',
    'min',
    ({ roundTripMs }) => roundTripMs / 1_000,
  );
  add(
    'isthmus_peer_tunnels',
    'Live tunnels to the linked cluster, both directions.',
    'sum',
    ({ tunnelCount }) => tunnelCount,
  );
}
