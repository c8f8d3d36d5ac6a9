/**
 * Streams that a peer opens: requests for our exported services, opaque connections, our catalog.
 *
 * Promises: a peer reaches only what its Link lets it see, only local endpoints serve it, and a
 * request that has already passed this cluster is refused.
 */
import type { ServerHttp2Stream } from 'node:http2';
import type { Clock } from '#core/clock.ts';
import { codeOf, describeError, ERRORS, type ErrorCode, IsthmusError } from '#core/errors.ts';
import type { TunnelPurpose } from '#core/hello.ts';
import type { Logger } from '#core/log.ts';
import { HEADER_ERROR } from '#core/names.ts';
import type { Network } from '#core/network.ts';
import type { Balancer } from './balance/balancer.ts';
import { CATALOG_PATH } from './catalog/follow.ts';
import type { OwnCatalog } from './catalog/own.ts';
import { serveCatalog } from './catalog/serve.ts';
import { type ForwardOptions, forward } from './http/forward.ts';
import { endToEnd, hopsOf } from './http/headers.ts';
import type { LocalUpstream } from './http/local.ts';
import { headerValue } from './http/message.ts';
import { respondError } from './http/respond.ts';
import { type Arrival, arrivalOf, StreamExchange } from './http/stream.ts';
import type { GatewayMetrics } from './metrics.ts';
import { carry, connectLocal } from './opaque/connect.ts';
import type { Snapshot } from './snapshot/types.ts';

export interface InwardOptions {
  readonly cluster: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly network: Network;
  readonly balancer: Balancer;
  readonly local: LocalUpstream;
  readonly ownCatalog: OwnCatalog;
  readonly metrics: GatewayMetrics;
  snapshot(): Snapshot;
}

/** Serves one stream that `peer` opened in a tunnel for `purpose`. */
export function serveStream(
  peer: string,
  purpose: TunnelPurpose,
  stream: ServerHttp2Stream,
  headers: readonly string[],
  options: InwardOptions,
): void {
  if (purpose === 'control') {
    serveControl(peer, stream, headers, options);
    return;
  }
  const arrival = arrivalOf(headers);
  const refusal = refusalOf(peer, arrival, headers, options);
  if (headerValue(headers, ':method') === 'CONNECT') {
    if (refusal || arrival === undefined) refuseConnect(stream, refusal?.code ?? 'BAD_REQUEST');
    else void serveConnect(stream, arrival, options);
    return;
  }
  const exchange = new StreamExchange(stream, headers);
  if (refusal || arrival === undefined) {
    respondError(exchange, refusal?.code ?? 'BAD_REQUEST', refusal?.message ?? 'no target');
    return;
  }
  forward(exchange, forwardOptions(arrival, exchange, options)).catch((error: unknown) => {
    options.log.error('a request failed in the gateway', { error: describeError(error) });
    exchange.abort();
  });
}

function serveControl(
  peer: string,
  stream: ServerHttp2Stream,
  headers: readonly string[],
  options: InwardOptions,
): void {
  if (headerValue(headers, ':path') !== CATALOG_PATH) {
    stream.respond({ ':status': 404 }, { endStream: true });
    return;
  }
  stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' });
  serveCatalog(options.ownCatalog.viewOf(peer), stream, options.clock);
}

function refusalOf(
  peer: string,
  arrival: Arrival | undefined,
  headers: readonly string[],
  options: InwardOptions,
): IsthmusError | undefined {
  if (arrival === undefined) return new IsthmusError('BAD_REQUEST', 'the request names no target');
  const { namespace, name, port } = arrival.target;
  const key = `${namespace}/${name}`;
  const snapshot = options.snapshot();
  if (hopsOf(headers).includes(options.cluster)) {
    return new IsthmusError('LOOP_DETECTED', `the request already passed ${options.cluster}`);
  }
  const visible = snapshot.peers.get(peer)?.visibleExports.has(key);
  if (!visible || !snapshot.services.get(key)?.ports.has(port)) {
    return new IsthmusError('UNKNOWN_TARGET', `${key}:${port} is not exported to ${peer}`);
  }
  return undefined;
}

function forwardOptions(
  arrival: Arrival,
  exchange: StreamExchange,
  options: InwardOptions,
): ForwardOptions {
  const { clock, balancer, local, metrics } = options;
  return {
    clock,
    balancer,
    target: arrival.target,
    mirror: undefined,
    head: { ...exchange.head, headers: endToEnd(exchange.head.headers) },
    attemptsMax: 1 + arrival.attempts,
    start: (choice, request) => local.start(choice.endpoint.key, request),
    report: (report) => metrics.request(report),
  };
}

async function serveConnect(
  stream: ServerHttp2Stream,
  arrival: Arrival,
  options: InwardOptions,
): Promise<void> {
  const { clock, balancer, network, log, metrics } = options;
  const service = `${arrival.target.namespace}/${arrival.target.name}`;
  try {
    await carry(stream, {
      clock,
      balancer,
      target: arrival.target,
      mirror: undefined,
      connect: (choice) => connectLocal(choice.endpoint.key, network, clock),
      onConnected: () => stream.respond({ ':status': 200 }),
    });
    metrics.connection(service, 'carried');
  } catch (error) {
    metrics.connection(service, 'failed');
    log.debug('cannot carry a connection', { service, error: describeError(error) });
    refuseConnect(stream, codeOf(error));
  }
}

function refuseConnect(stream: ServerHttp2Stream, code: ErrorCode): void {
  if (stream.destroyed || stream.headersSent) {
    stream.destroy();
    return;
  }
  stream.respond(
    { ':status': ERRORS[code].http || 502, [HEADER_ERROR]: code },
    { endStream: true },
  );
}
