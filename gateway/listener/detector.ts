/**
 * The first look at a client's connection: what it speaks, from its first bytes.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '#core/clock.ts';
import { Transport, type TransportOwner } from '../transport/transport.ts';
import { type Detected, detect, detectSilent, PEEK_BYTES_MAX } from './detect.ts';

/** A client that says nothing for so long is taken to wait for the server (DESIGN: detection). */
const DETECT_MS = 3_000;

/** A connection that was told apart. */
export interface DetectedConnection {
  readonly transport: Transport;
  readonly protocol: Exclude<Detected, 'undecided'>;
  /** What was read to find out. */
  readonly first: Buffer | undefined;
  /** The client has ended its half already. */
  readonly ended: boolean;
}

export class Detector implements TransportOwner {
  readonly #transport: Transport;
  readonly #timer: Timer;
  readonly #decide: (detected: DetectedConnection) => void;
  #first: Buffer | undefined;

  /** Calls `decide` once, unless the client leaves before. */
  constructor(socket: Socket, clock: Clock, decide: (detected: DetectedConnection) => void) {
    this.#transport = new Transport(socket, this);
    this.#decide = decide;
    this.#timer = clock.after(DETECT_MS, () => this.#done(detectSilent(this.#first), false));
  }

  onBytes(bytes: Buffer, from: number, to: number): void {
    const piece = bytes.subarray(from, to);
    this.#first = this.#first === undefined ? piece : Buffer.concat([this.#first, piece]);
    const detected = detect(this.#first);
    if (detected !== 'undecided') this.#done(detected, false);
    else if (this.#first.length >= PEEK_BYTES_MAX) this.#done('opaque', false);
  }

  onEnd(): void {
    this.#done('opaque', true);
  }

  onClosed(): void {
    this.#timer.cancel();
  }

  onRoom(): void {
    // Nothing was written.
  }

  flush(): void {
    // Nothing was written.
  }

  #done(protocol: DetectedConnection['protocol'], ended: boolean): void {
    this.#timer.cancel();
    this.#decide({ transport: this.#transport, protocol, first: this.#first, ended });
  }
}
