/**
 * What a gateway counts, under names `docs/glossary.md` explains.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { RequestReport } from './http/route.ts';
import { RequestMetrics } from './request-metrics.ts';

export interface GatewayMetrics {
  request(report: RequestReport): void;
  /** Something was refused: by whom it was said, and the rule or bound it broke. */
  refused(source: RefusalSource, rule: string): void;
  peer(cluster: string, connected: boolean, roundTripMs: number, tunnels: number): void;
}

/** Where a refusal came from. */
export type RefusalSource = 'http1' | 'http2' | 'tunnel' | 'listener' | 'handshake' | 'requests';

/** Metrics fed into `registry`. */
export function gatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const requests = new RequestMetrics(registry);
  const refusals = new Counter({
    name: 'isthmus_refused_total',
    help: 'What broke a rule or passed a bound, by where it came from and the rule.',
    labelNames: ['source', 'rule'],
    registers,
  });
  const connected = new Gauge({
    name: 'isthmus_peer_connected',
    help: '1 while requests can be sent to the linked cluster.',
    labelNames: ['cluster'],
    // Any worker may be asked: what one cannot reach is not connected.
    aggregator: 'min',
    registers,
  });
  const roundTrip = new Gauge({
    name: 'isthmus_peer_round_trip_seconds',
    help: 'Shortest smoothed round trip of a tunnel to the linked cluster.',
    labelNames: ['cluster'],
    aggregator: 'min',
    registers,
  });
  const tunnels = new Gauge({
    name: 'isthmus_peer_tunnels',
    help: 'Live tunnels to the linked cluster, both directions.',
    labelNames: ['cluster'],
    registers,
  });
  return {
    request: (report) => requests.count(report),
    refused: (source, rule) => refusals.inc({ source, rule }),
    peer(cluster, isConnected, roundTripMs, tunnelCount) {
      connected.set({ cluster }, isConnected ? 1 : 0);
      if (!Number.isNaN(roundTripMs)) roundTrip.set({ cluster }, roundTripMs / 1_000);
      tunnels.set({ cluster }, tunnelCount);
    },
  };
}
