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
import { type Arrival, Arrivals } from './arrivals.ts';
import type { Barred } from './barred.ts';
import { ClientCount } from './client-count.ts';
import { type DetectedConnection, type DetectionHome, Undecided } from './detector.ts';

/** After so long without a byte a client is asked whether it still is: hosts vanish without a word. */
const KEEP_ALIVE_MS = 60_000;

export interface ListenersOptions {
  readonly clock: Clock;
  readonly network: Network;
  readonly log: Logger;
  /** The pod's address. */
  readonly host: string;
  readonly onConnection: (connection: DetectedConnection, route: ListenerRoute) => void;
  /** A connection was closed because there are {@link CLIENTS_MAX}, or its source has its share or is barred. */
  readonly onTooMany: (rule: ClientRefusal) => void;
  readonly barred: Barred;
}

/** Why a client's connection is closed at once. */
export type ClientRefusal = 'CLIENTS_MAX' | 'CLIENTS_OF_SOURCE' | 'SOURCE_BARRED';

/** An open port; connections told apart go where it leads then. */
class Open implements DetectionHome {
  readonly server: net.Server;
  route: ListenerRoute;
  readonly #onConnection: ListenersOptions['onConnection'];

  constructor(server: net.Server, route: ListenerRoute, options: ListenersOptions) {
    this.server = server;
    this.route = route;
    this.#onConnection = options.onConnection;
  }

  decided(connection: DetectedConnection): void {
    // Where HTTP is declared, whatever is none is refused as such: carried as it is, it would pass by every rule for requests.
    const isRefused = connection.protocol === 'opaque' && this.route.hint === 'http';
    this.#onConnection(isRefused ? { ...connection, protocol: 'http1' } : connection, this.route);
  }
}

const SOURCE = Symbol('source');

/** A socket that knows its source also when it is closed; one listener serves them all. */
interface Counted extends net.Socket {
  [SOURCE]: string;
}

export class Listeners {
  readonly #options: ListenersOptions;
  readonly #open = new Map<number, Open>();
  readonly #failed = new Map<number, string>();
  readonly #clients = new ClientCount();
  readonly #undecided: Undecided;
  readonly #arrivals = new Arrivals();
  readonly #onClose: (this: Counted) => void;

  constructor(options: ListenersOptions) {
    this.#options = options;
    this.#undecided = new Undecided(options.clock);
    const clients = this.#clients;
    this.#onClose = function (this: Counted) {
      clients.leave(this[SOURCE]);
    };
  }

  /** Listener ports that could not be opened, with the reason. */
  get failed(): ReadonlyMap<number, string> {
    return this.#failed;
  }

  /** Connections of clients that are open, whatever they speak. */
  get clients(): number {
    return this.#clients.all;
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
    const server = net.createServer({
      ...{ allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
      ...{ keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
    });
    const ready = listen(server, { host, port }, network);
    const open = new Open(server, route, this.#options);
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
    const { clock, barred, onTooMany } = this.#options;
    const source = socket.remoteAddress ?? '';
    const refusal = barred.has(source, clock.monotonicMs())
      ? 'SOURCE_BARRED'
      : this.#clients.enter(source);
    if (refusal !== undefined) {
      onTooMany(refusal);
      socket.resetAndDestroy();
      return;
    }
    (socket as Counted)[SOURCE] = source;
    (socket as Counted).on('close', this.#onClose);
    this.#arrivals.enter(new Arrived(socket, source, open, this.#undecided));
  }
}

/** A connection that was accepted, and is not read yet. */
class Arrived implements Arrival {
  readonly source: string;
  readonly #socket: net.Socket;
  readonly #open: Open;
  readonly #undecided: Undecided;

  constructor(socket: net.Socket, source: string, open: Open, undecided: Undecided) {
    this.source = source;
    this.#socket = socket;
    this.#open = open;
    this.#undecided = undecided;
  }

  begin(): void {
    const open = this.#open;
    if (open.route.hint === 'opaque') {
      const transport = new Transport(this.#socket);
      open.decided({ transport, protocol: 'opaque', first: undefined, ended: false });
    } else this.#undecided.add(this.#socket, open);
    this.#socket.resume();
  }
}
