/**
 * Streams that a peer opens: requests for our exported services, opaque connections, our catalog.
 *
 * Promises: a peer reaches only what its Link lets it see, only local endpoints serve it, and a
 * request that has already passed this cluster is refused.
 */
import { IsthmusError } from '#core/errors.ts';
import type { TunnelPurpose } from '#core/hello.ts';
import { normalisePath } from '#core/path.ts';
import type { Endpoint } from './balance/endpoint.ts';
import { CATALOG_PATH } from './catalog/follow.ts';
import type { OwnCatalog } from './catalog/own.ts';
import { CATALOG_STREAMS_MAX, serveCatalog } from './catalog/serve.ts';
import type { Attempt, Exchange, UpstreamRequest } from './http/exchange.ts';
import { ExchangeSink } from './http/exchange-sink.ts';
import { passed } from './http/headers.ts';
import type { HttpVersion } from './http/message.ts';
import { relay } from './http/relay.ts';
import { type Arrival, arrivalOf } from './http/remote.ts';
import { respondError } from './http/respond.ts';
import type { RelayContext, RelayRoute } from './http/route.ts';
import type { LocalUpstream } from './local.ts';
import type { Guard, Guards } from './resilience/guard.ts';
import type { LocalPort, Snapshot } from './snapshot/types.ts';

export interface InwardOptions extends RelayContext {
  readonly cluster: string;
  readonly local: LocalUpstream;
  readonly ownCatalog: OwnCatalog;
  readonly guards: Guards;
  snapshot(): Snapshot;
}

/** Serves one stream that `peer` opened in a tunnel for `purpose`. */
export function serveStream(
  peer: string,
  purpose: TunnelPurpose,
  exchange: Exchange,
  options: InwardOptions,
): void {
  if (purpose === 'control') {
    serveControl(peer, exchange, options);
    return;
  }
  const arrival = arrivalOf(exchange.head);
  if (arrival === undefined) {
    respondError(exchange, 'BAD_REQUEST', 'the request names no target');
    return;
  }
  const { service, head } = arrival;
  const port = portOf(peer, service, arrival, options);
  if (port instanceof IsthmusError) {
    respondError(exchange, port.code, port.message);
    return;
  }
  // What came is what `formatTarget` would make of it again.
  const guard = options.guards.of(arrival.targetText);
  relay(exchange, head, new ArrivalRoute(arrival, guard, port.protocol, options.local), options);
}

function serveControl(peer: string, exchange: Exchange, options: InwardOptions): void {
  if (normalisePath(exchange.head.path) !== CATALOG_PATH) {
    respondError(exchange, 'UNKNOWN_TARGET', `no such page: ${exchange.head.path}`);
    return;
  }
  const view = options.ownCatalog.viewOf(peer);
  if (view.listeners >= CATALOG_STREAMS_MAX) {
    respondError(exchange, 'OVERLOADED', `${peer} follows the catalog too often`);
    return;
  }
  const sink = new ExchangeSink(exchange, ['content-type', 'application/x-ndjson']);
  serveCatalog(view, sink, options.clock);
}

/** The port a peer asks for, or why it may not have it. */
function portOf(
  peer: string,
  key: string,
  arrival: Arrival,
  options: InwardOptions,
): LocalPort | IsthmusError {
  const { port } = arrival.target;
  const snapshot = options.snapshot();
  if (passed(arrival.hops, options.cluster)) {
    return new IsthmusError('LOOP_DETECTED', `the request already passed ${options.cluster}`);
  }
  const visible = snapshot.peers.get(peer)?.visibleExports.has(key);
  const found = visible ? snapshot.services.get(key)?.ports.get(port) : undefined;
  return found ?? new IsthmusError('UNKNOWN_TARGET', `${key}:${port} is not exported to ${peer}`);
}

/** Where a request of a peer goes: to local pods, as often as the near gateway still allows. */
class ArrivalRoute implements RelayRoute {
  readonly service: string;
  readonly guard: Guard | undefined;
  readonly attemptsMax: number;
  readonly timeoutMs: number | undefined;
  /** The near gateway repeats the rest, if it may. */
  readonly unsentOnly = true;
  readonly #protocol: HttpVersion | undefined;
  readonly #local: LocalUpstream;

  constructor(
    arrival: Arrival,
    guard: Guard | undefined,
    protocol: HttpVersion | undefined,
    local: LocalUpstream,
  ) {
    this.service = arrival.service;
    this.guard = guard;
    this.attemptsMax = 1 + arrival.attempts;
    this.timeoutMs = arrival.timeoutMs;
    this.#protocol = protocol;
    this.#local = local;
  }

  start(endpoint: Endpoint, request: UpstreamRequest): Attempt {
    return this.#local.start(endpoint.key, request, this.#protocol);
  }
}
