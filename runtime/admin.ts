/**
 * The plain admin port of a component: `/live`, `/ready`, `/metrics`, to anyone, and nothing else.
 *
 * The gateway serves these itself, for its admin port also carries guarded views.
 */
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { listen } from '#core/listen.ts';
import type { Address, Network } from '#core/network.ts';
import { Strangers } from '#core/strangers.ts';

/** What metrics are read from; prom-client's Registry is one. */
export interface MetricsSource {
  readonly contentType: string;
  metrics(): Promise<string>;
}

export interface AdminOptions {
  /** Cluster address. */
  readonly address: Address;
  readonly network: Network;
  readonly metrics: MetricsSource;
  /** Why the component is not ready, or `undefined` when it is. */
  unready(): string | undefined;
}

const REQUEST_TIMEOUT_MS = 5_000;

/** Listens until the returned server is closed. Throws `ADDRESS_IN_USE`. */
export async function startAdmin(options: AdminOptions): Promise<Server> {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (incoming, outgoing) => {
      const answer = (status: number, type: string, body: string) => {
        outgoing.writeHead(status, { 'content-type': type }).end(body);
      };
      const text = (status: number, body: string) => answer(status, 'text/plain', `${body}\n`);
      if (incoming.method !== 'GET' && incoming.method !== 'HEAD') return text(405, 'GET only');
      switch (incoming.url) {
        case '/live':
          return text(200, 'live');
        case '/ready': {
          const reason = options.unready();
          return reason === undefined ? text(200, 'ready') : text(503, reason);
        }
        case '/metrics':
          options.metrics.metrics().then(
            (body) => answer(200, options.metrics.contentType, body),
            (error: unknown) => text(500, String(error)),
          );
          return;
        default:
          return text(404, 'not found');
      }
    },
  );
  // The kubelet, whose probes decide on life, must always get in.
  const strangers = new Strangers();
  // Whoever takes nothing of an answer holds on to it no longer than this.
  server.timeout = REQUEST_TIMEOUT_MS;
  server.on('connection', (socket: Socket) => strangers.add(socket));
  await listen(server, options.address, options.network);
  return server;
}
