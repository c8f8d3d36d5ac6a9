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
import { detect, PEEK_BYTES_MAX } from './detect.ts';

/** A client that says nothing for so long is taken to wait for the server (DESIGN: detection). */
const DETECT_MS = 3_000;

export interface ListenersOptions {
  readonly clock: Clock;
  readonly network: Network;
  readonly log: Logger;
  /** The pod's address. */
  readonly host: string;
  readonly onHttp: (socket: net.Socket, route: ListenerRoute) => void;
  readonly onOpaque: (socket: net.Socket, route: ListenerRoute) => void;
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

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Listener ports that could not be opened, with the reason. */
  get failed(): ReadonlyMap<number, string> {
    return this.#failed;
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
    // Paused until told apart: no byte may be lost to a reader that is not there yet.
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    const ready = listen(server, { host, port }, network);
    const open: Open = { server, route, ready };
    this.#open.set(port, open);
    server.on('connection', (socket) => this.#onConnection(socket, open.route));
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

  #onConnection(socket: net.Socket, route: ListenerRoute): void {
    const { log, onHttp, onOpaque } = this.#options;
    const onEarlyError = (error: Error) => log.debug('client left early', { error: error.message });
    socket.on('error', onEarlyError);
    if (route.hint === 'opaque') {
      onOpaque(socket, route);
      return;
    }
    this.#peek(socket, (isHttp) => {
      if (isHttp) onHttp(socket, route);
      else onOpaque(socket, route);
    });
  }

  /** Looks at the first bytes and puts them back. */
  #peek(socket: net.Socket, decide: (isHttp: boolean) => void): void {
    const chunks: Buffer[] = [];
    const timer = this.#options.clock.after(DETECT_MS, () => done(false));
    const done = (isHttp: boolean) => {
      timer.cancel();
      socket.off('readable', onReadable);
      socket.off('end', onEnd);
      socket.off('close', onClose);
      if (chunks.length > 0) socket.unshift(Buffer.concat(chunks));
      decide(isHttp);
    };
    const onClose = () => timer.cancel();
    const onEnd = () => done(false);
    const onReadable = () => {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      chunks.push(chunk);
      const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks);
      const detected = detect(bytes);
      if (detected === 'undecided' && bytes.length < PEEK_BYTES_MAX) return;
      done(detected === 'http1');
    };
    socket.on('readable', onReadable);
    socket.once('end', onEnd);
    socket.once('close', onClose);
  }
}
