/**
 * How things stand with the linked clusters, for Prometheus: found out when somebody asks, so that nothing is told of one
 * that is linked no more, nor a round trip of one that is away.
 */
import { Family, labelled } from './text.ts';

/** What is known of a linked cluster. */
export interface PeerState {
  readonly peer: { readonly clusterName: string };
  readonly connected: boolean;
  /** NaN while none was measured. */
  readonly roundTripMs: number;
  readonly tunnelCount: number;
}

/** What a worker tells of a linked cluster. */
export interface PeerRow {
  readonly cluster: string;
  readonly connected: boolean;
  /** NaN while none was measured. */
  readonly roundTripMs: number;
  readonly tunnels: number;
}

/** What is to be told of each of `peers`. */
export function* peerRows(peers: Iterable<PeerState>): Generator<PeerRow> {
  for (const { peer, connected, roundTripMs, tunnelCount } of peers)
    yield { cluster: peer.clusterName, connected, roundTripMs, tunnels: tunnelCount };
}

/** The metrics that `rows`, of any number of workers, add up to. */
export function peerText(rows: Iterable<PeerRow>): string {
  const merged = new Map<string, PeerRow>();
  for (const row of rows) {
    const known = merged.get(row.cluster);
    merged.set(row.cluster, known === undefined ? row : merge(known, row));
  }
  const connected = new Family(
    'isthmus_peer_connected',
    'gauge',
    '1 while requests can be sent to the linked cluster.',
  );
  const roundTrip = new Family(
    'isthmus_peer_round_trip_seconds',
    'gauge',
    'Shortest smoothed round trip of a tunnel to the linked cluster.',
  );
  const tunnels = new Family(
    'isthmus_peer_tunnels',
    'gauge',
    'Live tunnels to the linked cluster, both directions.',
  );
  for (const { cluster, ...row } of merged.values()) {
    const labels = labelled({ cluster });
    connected.add(labels, Number(row.connected));
    if (!Number.isNaN(row.roundTripMs)) roundTrip.add(labels, row.roundTripMs / 1_000);
    tunnels.add(labels, row.tunnels);
  }
  return connected.text + roundTrip.text + tunnels.text;
}

function merge(a: PeerRow, b: PeerRow): PeerRow {
  return {
    cluster: a.cluster,
    // Any worker may be asked: what one cannot reach is not connected.
    connected: a.connected && b.connected,
    roundTripMs: shorter(a.roundTripMs, b.roundTripMs),
    tunnels: a.tunnels + b.tunnels,
  };
}

/** The shorter of both that are known. */
function shorter(a: number, b: number): number {
  return Number.isNaN(a) || b < a ? b : a;
}
