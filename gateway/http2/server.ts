/**
 * Clients that speak HTTP/2 with prior knowledge (RFC 9113 section 3.3), gRPC among them. Every request
 * on such a connection is an exchange of its own, balanced on its own.
 */
import type { Clock } from '#core/clock.ts';
import type { Dates } from '../http/date.ts';
import type { Exchange } from '../http/exchange.ts';
import { respondError } from '../http/respond.ts';
import type { Connection } from '../transport/connections.ts';
import type { Transport } from '../transport/transport.ts';
import type { HeaderBlock } from '../wire/hpack/block.ts';
import { HTTP2_LIMITS } from '../wire/http2/limits.ts';
import type { Http2Stream } from '../wire/http2/stream.ts';
import { Http2Endpoint } from './endpoint.ts';
import { Http2Exchange, requestHeadOf } from './exchange.ts';
import type { EndpointHandler, StreamOwner } from './handler.ts';
import { CLIENT_PORTION } from './portions.ts';
import type { WindowBounds } from './window.ts';

/** `streamMaxBytes` is what one client can make a gateway hold of one upload. */
export const CLIENT_WINDOWS: WindowBounds = {
  streamMinBytes: 64 * 1024,
  streamMaxBytes: 1024 * 1024,
  connectionMaxBytes: 8 * 1024 * 1024,
};
/** A connection without a stream is ended after so long. */
const IDLE_MS = 300_000;

export interface Http2ServerOptions {
  readonly clock: Clock;
  readonly dates: Dates;
  /** A client whose stream ids pass this one is asked to connect anew. */
  readonly renewAtStreamId: number;
  /** For how long a client at `address` is to be left unread whose frames of content fell short of `shortBytes`. */
  restMs(address: string | undefined, shortBytes: number, nowMs: number): number;
  onExchange(exchange: Exchange): void;
  /** The client broke `rule`. */
  onRefused(rule: string, address: string | undefined): void;
  onClosed(connection: Connection): void;
}

export class Http2ServerConnection implements EndpointHandler, Connection {
  readonly endpoint: Http2Endpoint;
  readonly #options: Http2ServerOptions;
  readonly #address: string | undefined;

  constructor(transport: Transport, options: Http2ServerOptions) {
    this.#options = options;
    this.#address = transport.socket.remoteAddress;
    this.endpoint = new Http2Endpoint(transport, {
      role: 'server',
      clock: options.clock,
      limits: HTTP2_LIMITS,
      windows: CLIENT_WINDOWS,
      portion: CLIENT_PORTION,
      dates: options.dates,
      handler: this,
    });
  }

  sweep(nowMs: number): void {
    this.endpoint.sweep(nowMs);
    if (this.endpoint.connection.streams > 0) return;
    if (nowMs - this.endpoint.lastReceivedMs > IDLE_MS) this.endpoint.drain();
  }

  drain(): void {
    this.endpoint.drain();
  }

  endIdle(): void {
    this.endpoint.endIdle();
  }

  destroy(): void {
    this.endpoint.destroy();
  }

  onStream(stream: Http2Stream<StreamOwner>, block: HeaderBlock, end: boolean): StreamOwner {
    if (stream.id >= this.#options.renewAtStreamId) this.endpoint.drain();
    const head = requestHeadOf(block, end);
    const { dates } = this.#options;
    const exchange = new Http2Exchange(this.endpoint, stream, head, this.#address, dates);
    if (head.method === 'CONNECT') {
      respondError(exchange, 'METHOD_REFUSED', 'CONNECT is not served here');
    } else this.#options.onExchange(exchange);
    return exchange;
  }

  onSettings(): void {
    // What a client announces is the codec's matter.
  }

  onPong(): void {
    // Only asked for when leaving.
  }

  onLeaving(): void {
    // A client that says goodbye opens no more streams; its last one ends the connection.
    this.endpoint.drain();
  }

  onWorn(): void {
    // We open no streams.
  }

  onBroken(rule: string): void {
    this.#options.onRefused(rule, this.#address);
  }

  restMs(shortBytes: number, nowMs: number): number {
    return this.#options.restMs(this.#address, shortBytes, nowMs);
  }

  onEnded(): void {
    this.#options.onClosed(this);
  }
}
