/**
 * The connections of local clients, each served in what it was found to speak.
 */
import type { Clock } from '#core/clock.ts';
import type { Exchange } from './http/exchange.ts';
import { Http1ServerConnection } from './http1/server.ts';
import { Http2ServerConnection } from './http2/server.ts';
import { type Barred, isFlood } from './listener/barred.ts';
import type { DetectedConnection } from './listener/detector.ts';
import type { GatewayMetrics } from './metrics.ts';
import { OpaqueExchange } from './opaque/exchange.ts';
import type { ListenerRoute } from './snapshot/types.ts';
import { type Connection, Connections } from './transport/connections.ts';

export interface ClientsOptions {
  readonly clock: Clock;
  readonly metrics: GatewayMetrics;
  /** A client whose stream ids pass this one is asked to connect anew. */
  readonly renewAtStreamId: number;
  readonly barred: Barred;
  serve(exchange: Exchange, route: ListenerRoute): void;
}

export class Clients {
  readonly #options: ClientsOptions;
  readonly #connections: Connections<Connection>;
  #draining = false;

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#connections = new Connections(options.clock);
  }

  /** Serves `connection`, which came in by `route`, until it ends. */
  accept(connection: DetectedConnection, route: ListenerRoute): void {
    const { transport, protocol, first, ended } = connection;
    const { clock, metrics, barred, serve, renewAtStreamId } = this.#options;
    const source = transport.socket.remoteAddress ?? '';
    const { namespace, name, port } = route.target;
    const authority = `${name}.${namespace}:${port}`;
    if (protocol === 'opaque') {
      serve(new OpaqueExchange(transport, authority, first, ended), route);
      return;
    }
    const options = {
      authority,
      clock,
      renewAtStreamId,
      onExchange: (exchange: Exchange) => serve(exchange, route),
      onRefused: (rule: string) => {
        metrics.refused(protocol, rule);
        if (isFlood(rule)) barred.offend(source, clock.monotonicMs());
      },
      onClosed: (gone: Connection) => this.#connections.delete(gone),
    };
    const served =
      protocol === 'http1'
        ? new Http1ServerConnection(transport, options)
        : new Http2ServerConnection(transport, options);
    this.#connections.add(served);
    // It was accepted before, and has only now said what it speaks.
    if (this.#draining) served.drain();
    if (first !== undefined) transport.owner.onBytes(first);
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
