/**
 * Connections that local clients open to a mirror: requests one by one, other bytes as a whole.
 */
import type { Socket } from 'node:net';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import type { TunnelPurpose } from '#core/hello.ts';
import type { Logger } from '#core/log.ts';
import type { Network } from '#core/network.ts';
import type { Balancer } from './balance/balancer.ts';
import { AttemptError } from './http/attempt.ts';
import { forward } from './http/forward.ts';
import { hopsOf, requestHeaders } from './http/headers.ts';
import type { LocalUpstream } from './http/local.ts';
import type { Exchange } from './http/message.ts';
import { type Passage, startRemote } from './http/remote.ts';
import { respondError } from './http/respond.ts';
import type { GatewayMetrics } from './metrics.ts';
import { carry, connectLocal, connectRemote } from './opaque/connect.ts';
import type { Peers } from './peers.ts';
import type { ListenerRoute, Snapshot } from './snapshot/types.ts';
import type { Tunnel } from './tunnel/tunnel.ts';

export interface OutwardOptions {
  readonly cluster: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly network: Network;
  readonly balancer: Balancer;
  readonly local: LocalUpstream;
  readonly peers: Peers;
  readonly metrics: GatewayMetrics;
  snapshot(): Snapshot;
}

/** Answers one request that came in by `route`. */
export function serveExchange(
  exchange: Exchange,
  route: ListenerRoute,
  socket: Socket,
  options: OutwardOptions,
): void {
  const { clock, balancer, local, metrics, cluster, log } = options;
  const address = socket.remoteAddress;
  const { authority } = exchange.head;
  const head = {
    ...exchange.head,
    headers: requestHeaders(exchange.head.headers, { address, authority }),
  };
  if (hopsOf(head.headers).includes(cluster)) {
    respondError(exchange, 'LOOP_DETECTED', `the request already passed ${cluster}`);
    return;
  }
  forward(exchange, {
    clock,
    balancer,
    target: route.target,
    mirror: route.mirror,
    head,
    start(choice, request, attemptsLeft) {
      if (choice.kind === 'local') return local.start(choice.endpoint.key, request);
      const tunnel = tunnelTo(choice.endpoint.key, 'data', options);
      return startRemote(tunnel, request, passage(route, address, attemptsLeft, options), clock);
    },
    report: (report) => metrics.request(report),
  }).catch((error: unknown) => {
    log.error('a request failed in the gateway', { error: describeError(error) });
    exchange.abort();
  });
}

/** Carries an opaque connection that came in by `route`. */
export async function serveConnection(
  socket: Socket,
  route: ListenerRoute,
  options: OutwardOptions,
): Promise<void> {
  const { clock, balancer, network, log, metrics } = options;
  const service = `${route.target.namespace}/${route.target.name}`;
  try {
    await carry(socket, {
      clock,
      balancer,
      target: route.target,
      mirror: route.mirror,
      async connect(choice) {
        if (choice.kind === 'local') return connectLocal(choice.endpoint.key, network, clock);
        const tunnel = tunnelTo(choice.endpoint.key, 'opaque', options);
        return connectRemote(tunnel, passage(route, socket.remoteAddress, 1, options), clock);
      },
    });
    metrics.connection(service, 'carried');
  } catch (error) {
    metrics.connection(service, 'failed');
    log.debug('cannot carry a connection', { service, error: describeError(error) });
    socket.resetAndDestroy();
  }
}

function tunnelTo(cluster: string, purpose: TunnelPurpose, options: OutwardOptions): Tunnel {
  const tunnel = options.peers.tunnels(cluster)?.pick(purpose);
  if (tunnel) return tunnel;
  const error = options.peers.tunnels(cluster)?.error ?? new IsthmusError('NOT_LINKED', cluster);
  throw new AttemptError('PEER_UNREACHABLE', `no tunnel to ${cluster}: ${error.message}`, {
    neverSent: true,
    cause: error,
  });
}

function passage(
  route: ListenerRoute,
  address: string | undefined,
  attempts: number,
  options: OutwardOptions,
): Passage {
  return {
    target: route.target,
    sourceCluster: options.cluster,
    caller: address === undefined ? undefined : options.snapshot().callers.get(address),
    attempts,
  };
}
