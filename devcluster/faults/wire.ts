/**
 * A wire between two components: a TCP relay that can be cut, slowed down or go dead.
 *
 * Promises: what one side sent before a fault arrives in order or not at all; a dead wire accepts
 * connections and says nothing, on either side, as a proxy does that has lost its way or a network that
 * drops every packet; after `heal()` new connections pass, while those that lived through a fault are ended, as TCP would
 * do at last. It stands where a packet filter would need to be root.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { type Address, formatAddress } from '#core/network.ts';

/** What a wire does with what passes. `dead`: nothing passes and nobody is told. `refused`: ended at once. */
export type WireState = 'passing' | 'dead' | 'refused';

/** Connections of one wire at the same time. */
const CONNECTIONS_MAX = 10_000;

/** Where a wire listens and leads. */
export interface WireOptions {
  /** Port 0: any. */
  readonly from: Address;
  readonly to: Address;
  readonly clock: Clock;
}

/** See the file header. */
export class Wire {
  readonly #options: WireOptions;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket | undefined]>();
  #state: WireState = 'passing';
  #delayMs = 0;

  private constructor(options: WireOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Begins to relay. Throws `ADDRESS_IN_USE`. */
  static async open(options: WireOptions): Promise<Wire> {
    const wire = new Wire(options);
    const { host, port } = options.from;
    await new Promise<void>((resolve, reject) => {
      wire.#server.once('error', (cause) => {
        const message = `cannot relay at ${formatAddress(options.from)}: ${describeError(cause)}`;
        reject(new IsthmusError('ADDRESS_IN_USE', message, { cause }));
      });
      wire.#server.listen(port, host, resolve);
    });
    return wire;
  }

  /** Where to dial. */
  get address(): Address {
    const bound = this.#server.address();
    const port = typeof bound === 'object' && bound ? bound.port : this.#options.from.port;
    return { host: this.#options.from.host, port };
  }

  get state(): WireState {
    return this.#state;
  }

  /** Connections through it now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** From now on nothing passes, in either direction, on old and new connections, and nobody is told. */
  die(): void {
    this.#state = 'dead';
    for (const pair of this.#pairs) for (const socket of pair) socket?.pause();
  }

  /** Ends every connection, and every new one at once. */
  refuse(): void {
    this.#state = 'refused';
    this.cut();
  }

  /** Ends every connection; new ones pass if they did before. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket?.destroy();
  }

  /** Holds every chunk back for `delayMs` more, in each direction. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Passes again, at once. */
  heal(): void {
    const wasDead = this.#state === 'dead';
    this.#state = 'passing';
    this.#delayMs = 0;
    if (wasDead) this.cut();
  }

  /** Resolves when nothing listens any more. */
  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(near: Socket): void {
    near.on('error', () => undefined);
    if (this.#state === 'refused' || this.#pairs.size >= CONNECTIONS_MAX) {
      near.destroy();
      return;
    }
    if (this.#state === 'dead') {
      near.pause();
      this.#remember(near, undefined);
      return;
    }
    const far = connect({ ...this.#options.to, allowHalfOpen: true });
    far.on('error', () => near.destroy());
    this.#remember(near, far);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    this.#pipe(near, far);
    this.#pipe(far, near);
  }

  #remember(near: Socket, far: Socket | undefined): void {
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    near.on('close', () => this.#pairs.delete(pair));
  }

  #pipe(from: Socket, to: Socket): void {
    const pass = (action: () => void) => {
      if (this.#delayMs === 0) action();
      else this.#options.clock.after(this.#delayMs, action);
    };
    from.on('data', (chunk: Buffer) => {
      pass(() => {
        if (this.#state !== 'passing' || to.destroyed) return;
        if (to.write(chunk)) return;
        from.pause();
        to.once('drain', () => {
          if (this.#state === 'passing') from.resume();
        });
      });
    });
    from.on('end', () => {
      pass(() => {
        if (this.#state === 'passing' && !to.destroyed) to.end();
      });
    });
  }
}
