/**
 * One in-process pod: real HTTP servers on its address.
 *
 * Whatever its image, a pod answers JSON `{"cluster", "pod"}` on every TCP containerPort, so that traffic
 * through services and gateways can be seen to arrive. HTTP/1.1 with keep-alive.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '#core/clock.ts';
import type { Network } from '#core/network.ts';

/** Bytes of a request body that are read before the connection is given up. */
const BODY_BYTES_MAX = 16 * 1_024 * 1_024;
/** How long an idle keep-alive connection stays. */
const KEEP_ALIVE_MS = 75_000;

/** What a pod is and where it lives. */
export interface SampleOptions {
  readonly cluster: string;
  readonly pod: string;
  readonly address: string;
  readonly ports: readonly number[];
  /** Added to every answer. */
  readonly latencyMs: number;
  readonly network: Network;
  readonly clock: Clock;
}

/** See the file header. */
export class SampleServer {
  readonly #options: SampleOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #body: string;
  #draining = false;

  constructor(options: SampleOptions) {
    this.#options = options;
    this.#body = JSON.stringify({ cluster: options.cluster, pod: options.pod });
  }

  /** Binds every port; rejects with the system's error when one cannot be. */
  async listen(): Promise<void> {
    const { network, address, ports } = this.#options;
    for (const port of ports) {
      const located = network.locate({ host: address, port });
      const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true }, (req, res) =>
        this.#answer(req, res),
      );
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket));
      });
      this.#servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: located.host, port: located.port, backlog: 1_024 }, () => resolve());
      });
    }
  }

  /** Stops accepting and resolves once every request under way has its answer. */
  async drain(): Promise<void> {
    this.#draining = true;
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const server of this.#servers) server.closeIdleConnections();
    await Promise.all(closed);
  }

  /** Ends at once: listeners closed, every connection reset. */
  destroy(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { latencyMs, clock } = this.#options;
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) request.destroy();
    });
    const answer = () => {
      if (response.destroyed) return;
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': this.#body.length,
        ...(this.#draining ? { connection: 'close' } : {}),
      });
      response.end(this.#body);
    };
    request.on('end', () => {
      if (latencyMs > 0) clock.after(latencyMs, answer);
      else answer();
    });
  }
}
