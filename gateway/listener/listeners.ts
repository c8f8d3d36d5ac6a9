/**
 * The ports of the mirrors: opened and closed as the snapshot says, one connection at a time told
 * apart and handed on.
 */
import net from 'node:net';
import type { Clock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { listen } from '#core/listen.ts';
import type { Logger } from '#core/log.ts';
import type { Network } from '#core/network.ts';
import type { ListenerRoute } from '../snapshot/types.ts';
import { Transport } from '../transport/transport.ts';
import { type DetectedConnection, Detector } from './detector.ts';

/** Connections of clients a gateway has open at once; what comes above is closed. */
export const CLIENTS_MAX = 16_000;

export interface ListenersOptions {
  readonly clock: Clock;
  readonly network: Network;
  readonly log: Logger;
  /** The pod's address. */
  readonly host: string;
  readonly onConnection: (connection: DetectedConnection, route: ListenerRoute) => void;
  /** A connection was closed because there are {@link CLIENTS_MAX}. */
  readonly onTooMany: () => void;
}

interface Open {
  readonly server: net.Server;
  route: ListenerRoute;
  readonly ready: Promise<void>;
}

export class Listeners {
  readonly #options: ListenersOptions;
  readonly #open = new Map<number, Open>();
  readonly #failed = new Map<number, string>();
  #clients = 0;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Listener ports that could not be opened, with the reason. */
  get failed(): ReadonlyMap<number, string> {
    return this.#failed;
  }

  /** Connections of clients that are open, whatever they speak. */
  get clients(): number {
    return this.#clients;
  }

  /** Opens and closes so that exactly `routes` are served; resolves when every one is open. */
  async update(routes: ReadonlyMap<number, ListenerRoute>): Promise<void> {
    for (const [port, open] of this.#open) {
      if (routes.has(port)) continue;
      // Connections under way keep their route until they end.
      open.server.close();
      this.#open.delete(port);
    }
    for (const port of this.#failed.keys()) if (!routes.has(port)) this.#failed.delete(port);
    const opening: Promise<void>[] = [];
    for (const [port, route] of routes) {
      const known = this.#open.get(port);
      if (known) known.route = route;
      else opening.push(this.#listen(port, route));
    }
    await Promise.all(opening);
  }

  /** Accepts nothing more; connections under way go on. */
  close(): void {
    for (const { server } of this.#open.values()) server.close();
    this.#open.clear();
  }

  async #listen(port: number, route: ListenerRoute): Promise<void> {
    const { host, network, log } = this.#options;
    const server = net.createServer({ allowHalfOpen: true, noDelay: true });
    const ready = listen(server, { host, port }, network);
    const open: Open = { server, route, ready };
    this.#open.set(port, open);
    server.on('connection', (socket) => this.#onConnection(socket, open));
    try {
      await ready;
      this.#failed.delete(port);
    } catch (error) {
      this.#open.delete(port);
      this.#failed.set(port, describeError(error));
      log.error('cannot open a listener', {
        port,
        mirror: route.mirror,
        error: describeError(error),
      });
    }
  }

  #onConnection(socket: net.Socket, open: Open): void {
    const { clock, onConnection, onTooMany } = this.#options;
    if (this.#clients >= CLIENTS_MAX) {
      onTooMany();
      socket.resetAndDestroy();
      return;
    }
    this.#clients += 1;
    socket.once('close', () => {
      this.#clients -= 1;
    });
    if (open.route.hint === 'opaque') {
      const transport = new Transport(socket);
      onConnection({ transport, protocol: 'opaque', first: undefined, ended: false }, open.route);
      return;
    }
    new Detector(socket, clock, (connection) => onConnection(connection, open.route));
  }
}
