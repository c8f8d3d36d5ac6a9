/**
 * A wire between two components: a TCP relay that can be cut, slowed down or go dead.
 *
 * Promises: what one side sent before a fault arrives in order or not at all; a dead wire accepts
 * connections and says nothing, on either side, as a proxy does that has lost its way or a network that
 * drops every packet; after `heal()` new connections pass, while those that lived through a fault are ended, as TCP would
 * do at last. It stands where a packet filter would need to be root.
 */
import { BoundSocket, connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import { type Address, formatAddress } from '#core/network.ts';

/** What a wire does with what passes. `dead`: nothing passes and nobody is told. `refused`: ended at once. */
export type WireState = 'passing' | 'dead' | 'refused';

/** Connections of one wire at the same time. */
const CONNECTIONS_MAX = 10_000;

/** One connection through a wire; `far` is missing where the wire was dead when it came. */
interface Pair {
  readonly near: Socket;
  readonly far: Socket | undefined;
  stalled: boolean;
}

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
  readonly #pairs = new Set<Pair>();
  #state: WireState = 'passing';
  #delayMs = 0;
  #at: number;

  private constructor(options: WireOptions) {
    this.#options = options;
    this.#at = options.from.port;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** A wire that listens at once, at an IP address and a port nobody has. */
  static begin(options: WireOptions): Wire {
    const wire = new Wire(options);
    const bound = new BoundSocket(options.from);
    wire.#at = bound.address().port;
    wire.#server.listen(bound);
    wire.#server.unref();
    return wire;
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
    const port = typeof bound === 'object' && bound ? bound.port : this.#at;
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
    this.stall();
  }

  /** From now on nothing passes on the connections there are, and nobody is told; new ones pass. */
  stall(): void {
    for (const pair of this.#pairs) {
      pair.stalled = true;
      pair.near.pause();
      pair.far?.pause();
    }
  }

  /** Ends every connection, and every new one at once. */
  refuse(): void {
    this.#state = 'refused';
    this.cut();
  }

  /** Ends every connection; new ones pass if they did before. */
  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far?.destroy();
    }
  }

  /** Holds every chunk back for `delayMs` more, in each direction. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Passes again, at once. */
  heal(): void {
    this.#state = 'passing';
    this.#delayMs = 0;
    for (const { near, far, stalled } of this.#pairs) {
      if (!stalled) continue;
      near.destroy();
      far?.destroy();
    }
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
      this.#remember({ near, far: undefined, stalled: true });
      return;
    }
    const far = connect({ ...this.#options.to, allowHalfOpen: true });
    far.on('error', () => near.destroy());
    const pair = this.#remember({ near, far, stalled: false });
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    this.#pipe(pair, near, far);
    this.#pipe(pair, far, near);
  }

  #remember(pair: Pair): Pair {
    this.#pairs.add(pair);
    pair.near.on('close', () => this.#pairs.delete(pair));
    return pair;
  }

  #pipe(pair: Pair, from: Socket, to: Socket): void {
    const pass = (action: () => void) => {
      if (this.#delayMs === 0) action();
      else this.#options.clock.after(this.#delayMs, action);
    };
    from.on('data', (chunk: Buffer) => {
      pass(() => {
        if (pair.stalled || to.destroyed) return;
        if (to.write(chunk)) return;
        from.pause();
        to.once('drain', () => {
          if (!pair.stalled) from.resume();
        });
      });
    });
    from.on('end', () => {
      pass(() => {
        if (!pair.stalled && !to.destroyed) to.end();
      });
    });
  }
}
