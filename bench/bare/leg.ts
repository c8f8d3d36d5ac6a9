/**
 * A connection to a client or to the pod: what comes is told, what is said leaves at the end of the turn.
 */
import type { Socket } from 'node:net';
import { Transport, type TransportOwner } from '#gateway/transport/transport.ts';

export class Leg implements TransportOwner {
  readonly #transport: Transport;
  readonly #hears: (bytes: Buffer, from: number, to: number) => void;
  readonly #closed: () => void;
  #said: Buffer[] = [];

  /** `hears` is told of what comes, `closed` when the connection is gone. */
  constructor(
    socket: Socket,
    hears: (bytes: Buffer, from: number, to: number) => void,
    closed: () => void = () => undefined,
  ) {
    this.#hears = hears;
    this.#closed = closed;
    this.#transport = new Transport(socket, this);
  }

  say(bytes: Buffer): void {
    this.#said.push(bytes);
    this.#transport.wantFlush();
  }

  flush(): void {
    const said = this.#said;
    if (said.length === 0) return;
    this.#said = [];
    this.#transport.write(said);
  }

  onBytes(bytes: Buffer, from: number, to: number): void {
    this.#hears(bytes, from, to);
  }

  onEnd(): void {
    this.#transport.end();
  }

  onRoom(): void {
    // One small answer at a time.
  }

  onClosed(): void {
    this.#closed();
  }
}
