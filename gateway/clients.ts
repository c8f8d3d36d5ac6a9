/**
 * The connections of local clients, each served in what it was found to speak.
 */
import type { Clock } from '#core/clock.ts';
import { Dates } from './http/date.ts';
import type { Exchange } from './http/exchange.ts';
import type { RefusalCode } from './http1/bounds.ts';
import { Http1ServerConnection, type Http1ServerOptions } from './http1/server.ts';
import { Http2ServerConnection, type Http2ServerOptions } from './http2/server.ts';
import type { Barred } from './listener/barred.ts';
import type { DetectedConnection } from './listener/detector.ts';
import type { GatewayMetrics, RefusalSource } from './metrics/gateway.ts';
import { OpaqueExchange } from './opaque/exchange.ts';
import type { Crowd } from './resilience/crowd.ts';
import { Trickles } from './resilience/trickles.ts';
import type { ListenerRoute } from './snapshot/types.ts';
import { type Connection, Connections } from './transport/connections.ts';

/**
 * What is refused and costs no more than a request that is served. Honest clients do it, and whoever stands for many of
 * them, as an ingress does, hands it on.
 */
const INNOCENT: ReadonlySet<string> = new Set<RefusalCode>([
  'EARLY_END',
  'METHOD_REFUSED',
  'METHOD_UNKNOWN',
]);

export interface ClientsOptions {
  readonly clock: Clock;
  readonly metrics: GatewayMetrics;
  /** A client whose stream ids pass this one is asked to connect anew. */
  readonly renewAtStreamId: number;
  readonly barred: Barred;
  readonly crowd: Crowd;
  serve(exchange: Exchange, route: ListenerRoute): void;
}

export class Clients {
  readonly #options: ClientsOptions;
  readonly #connections: Connections<Connection>;
  readonly #services = new WeakMap<ListenerRoute, RouteService>();
  readonly #trickles = new Trickles();
  readonly #dates: Dates;
  #draining = false;

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#connections = new Connections(options.clock);
    this.#dates = new Dates(options.clock);
  }

  /** Serves `connection`, which came in by `route`, until it ends. */
  accept(connection: DetectedConnection, route: ListenerRoute): void {
    const { transport, protocol, first, ended } = connection;
    let service = this.#services.get(route);
    if (service === undefined) {
      service = new RouteService(
        route,
        this.#connections,
        this.#trickles,
        this.#dates,
        this.#options,
      );
      this.#services.set(route, service);
    }
    if (protocol === 'opaque') {
      const exchange = new OpaqueExchange(transport, service.authority, first, ended);
      this.#options.serve(exchange, route);
      return;
    }
    const served =
      protocol === 'http1'
        ? new Http1ServerConnection(transport, service.http1)
        : new Http2ServerConnection(transport, service.http2);
    this.#connections.add(served);
    // It was accepted before, and has only now said what it speaks.
    if (this.#draining) served.drain();
    if (first !== undefined) transport.owner.onBytes(first, 0, first.length);
    if (ended) transport.owner.onEnd();
  }

  /** What is under way is the last; see {@link Connection.drain}. */
  drain(): void {
    this.#draining = true;
    this.#connections.drain();
  }

  /** Ends draining connections on which nothing is under way. */
  endIdle(): void {
    this.#connections.endIdle();
  }

  close(): void {
    this.#connections.close();
  }
}

/** What all connections of one listener share, so that an idle one costs nothing of it. */
class RouteService {
  readonly authority: string;
  readonly http1: Http1ServerOptions;
  readonly http2: Http2ServerOptions;

  constructor(
    route: ListenerRoute,
    open: Connections<Connection>,
    trickles: Trickles,
    dates: Dates,
    options: ClientsOptions,
  ) {
    const { clock, metrics, barred, crowd, serve, renewAtStreamId } = options;
    const { namespace, name, port } = route.target;
    this.authority = `${name}.${namespace}:${port}`;
    const refused = (protocol: RefusalSource) => (rule: string, address: string | undefined) => {
      metrics.refused(protocol, rule);
      if (!INNOCENT.has(rule)) barred.offend(address ?? '', rule, clock.monotonicMs());
    };
    const shared = {
      clock,
      dates,
      onExchange: (exchange: Exchange) => serve(exchange, route),
      onClosed: (gone: Connection) => open.delete(gone),
    };
    this.http1 = { ...shared, authority: this.authority, onRefused: refused('http1') };
    const restMs = (address = '', shortBytes: number, nowMs: number): number =>
      crowd.isAlone(address, nowMs) ? 0 : trickles.restMs(address, shortBytes, nowMs);
    this.http2 = { ...shared, renewAtStreamId, restMs, onRefused: refused('http2') };
  }
}
