/**
 * What a gateway counts, under names `docs/glossary.md` explains.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { RequestReport } from './http/relay.ts';

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
  const requests = new Counter({
    name: 'isthmus_requests_total',
    help: 'Requests answered, by service, by the cluster that answered (empty: none) and by status.',
    labelNames: ['service', 'cluster', 'status', 'code'],
    registers,
  });
  const latency = new Histogram({
    name: 'isthmus_request_duration_seconds',
    help: 'From the head of a request to the end of its answer.',
    labelNames: ['service', 'cluster'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const retries = new Counter({
    name: 'isthmus_retries_total',
    help: 'Attempts after the first.',
    labelNames: ['service'],
    registers,
  });
  const connections = new Counter({
    name: 'isthmus_opaque_connections_total',
    help: 'Opaque connections, by service and outcome.',
    labelNames: ['service', 'outcome'],
    registers,
  });
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
    request({ target, status, code, attempts, cluster = '', latencyMs, opaque }) {
      const service = `${target.namespace}/${target.name}`;
      if (opaque) {
        connections.inc({ service, outcome: code === undefined ? 'carried' : 'failed' });
        return;
      }
      requests.inc({ service, cluster, status: String(status), code: code ?? '' });
      latency.observe({ service, cluster }, latencyMs / 1_000);
      if (attempts > 1) retries.inc({ service }, attempts - 1);
    },
    refused: (source, rule) => refusals.inc({ source, rule }),
    peer(cluster, isConnected, roundTripMs, tunnelCount) {
      connected.set({ cluster }, isConnected ? 1 : 0);
      if (!Number.isNaN(roundTripMs)) roundTrip.set({ cluster }, roundTripMs / 1_000);
      tunnels.set({ cluster }, tunnelCount);
    },
  };
}
