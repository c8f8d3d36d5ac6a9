/**
 * HTTP/1.1 clients: connections a listener found to speak it become exchanges.
 */
import http from 'node:http';
import type { Socket } from 'node:net';
import { IsthmusError } from '#core/errors.ts';
import type { ListenerRoute } from '../snapshot/types.ts';
import { ReplayableBody } from './body.ts';
import type { Exchange, RequestHead, ResponseHead } from './message.ts';
import { respondError } from './respond.ts';

const HEAD_BYTES_MAX = 64 * 1024;
const HEADERS_MAX = 256;
/** A client that takes longer to send its head is cut off. */
const HEAD_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;

export type ExchangeHandler = (exchange: Exchange, route: ListenerRoute, socket: Socket) => void;

export class Http1Inbound {
  readonly #server: http.Server;
  readonly #routes = new WeakMap<Socket, ListenerRoute>();
  readonly #handle: ExchangeHandler;

  constructor(handle: ExchangeHandler) {
    this.#handle = handle;
    this.#server = http.createServer({
      maxHeaderSize: HEAD_BYTES_MAX,
      headersTimeout: HEAD_TIMEOUT_MS,
      // A long upload is no offence; a stalled one is bounded by its own stream.
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
      requireHostHeader: true,
    });
    this.#server.maxHeadersCount = HEADERS_MAX;
    this.#server.on('request', (request, response) => this.#onRequest(request, response));
    this.#server.on('connect', (_request, socket) => {
      socket.end(
        'HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      );
    });
  }

  /** Takes a connection whose first bytes were put back. */
  accept(socket: Socket, route: ListenerRoute): void {
    this.#routes.set(socket, route);
    this.#server.emit('connection', socket);
  }

  /** Idle connections end now, busy ones with their current answer. */
  drain(): void {
    this.#server.keepAliveTimeout = 1;
    this.#server.closeIdleConnections();
  }

  close(): void {
    this.#server.closeAllConnections();
  }

  #onRequest(request: http.IncomingMessage, response: http.ServerResponse): void {
    const route = this.#routes.get(request.socket);
    if (route === undefined) throw new IsthmusError('INTERNAL', 'a connection without a route');
    const exchange = new Http1Exchange(request, response);
    if (exchange.head.authority === '') {
      respondError(exchange, 'BAD_REQUEST', 'the request names no host');
      return;
    }
    this.#handle(exchange, route, request.socket);
  }
}

class Http1Exchange implements Exchange {
  readonly head: RequestHead;
  readonly body: ReplayableBody;
  readonly gone: AbortSignal;
  readonly #response: http.ServerResponse;

  constructor(request: http.IncomingMessage, response: http.ServerResponse) {
    this.#response = response;
    response.sendDate = false;
    const { path, authority } = splitTarget(request.url ?? '/', request.headers.host ?? '');
    this.head = {
      method: request.method ?? 'GET',
      path,
      authority,
      headers: request.rawHeaders,
    };
    this.body = new ReplayableBody(hasBody(request) ? request : undefined);
    const gone = new AbortController();
    this.gone = gone.signal;
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    response.on('error', () => gone.abort());
  }

  respond(head: ResponseHead): http.ServerResponse {
    this.#response.writeHead(head.status, head.headers as string[]);
    return this.#response;
  }

  abort(): void {
    this.#response.destroy();
  }
}

function hasBody(request: http.IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return (
    request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
  );
}

/** The absolute form names the authority itself (RFC 9112 section 3.2.2). */
function splitTarget(url: string, host: string): { path: string; authority: string } {
  const absolute = /^https?:\/\/([^/?#]+)([^#]*)/i.exec(url);
  if (!absolute) return { path: url, authority: host };
  const rest = absolute[2] ?? '';
  return { path: rest.startsWith('/') ? rest : `/${rest}`, authority: absolute[1] ?? host };
}
