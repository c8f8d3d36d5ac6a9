/**
 * The first look at a client's connection: what it speaks, from its first bytes.
 */
import type { Socket } from 'node:net';
import type { Clock, Timer } from '#core/clock.ts';
import { Transport, type TransportOwner } from '../transport/transport.ts';
import { type Detected, detect, detectSilent, PEEK_BYTES_MAX } from './detect.ts';

/** A client that says nothing for so long is taken to wait for the server (DESIGN: detection). */
const DETECT_MS = 3_000;
/**
 * Between two that are decided without bytes: of thousands that fell silent together each costs both gateways and a pod a
 * connection, and the others are not to wait for all of them.
 */
const GIVE_UP_EACH_MS = 1;

/** A connection that was told apart. */
export interface DetectedConnection {
  readonly transport: Transport;
  readonly protocol: Exclude<Detected, 'undecided'>;
  /** What was read to find out. */
  readonly first: Buffer | undefined;
  /** The client has ended its half already. */
  readonly ended: boolean;
}

/** Takes a connection that was told apart. */
export interface DetectionHome {
  decided(connection: DetectedConnection): void;
}

/**
 * Connections that have not said what they speak, in the order they came: all may take as long, so one
 * timer, set for the first of them, serves all.
 */
export class Undecided {
  readonly #clock: Clock;
  readonly #all = new Set<Detector>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Tells `home` once what `socket` speaks, unless the client leaves before. */
  add(socket: Socket, home: DetectionHome): void {
    const nowMs = this.#clock.monotonicMs();
    this.#all.add(new Detector(socket, this, home, nowMs + DETECT_MS));
    this.#timer ??= this.#clock.after(DETECT_MS, this.#look);
  }

  /** `detector` waits no more. */
  delete(detector: Detector): void {
    this.#all.delete(detector);
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    const [first] = this.#all;
    if (first !== undefined && first.untilMs <= nowMs) first.giveUp();
    const [next] = this.#all;
    if (next === undefined) return;
    // Timers count whole milliseconds, and may be early by a part of one.
    const leftMs = Math.max(GIVE_UP_EACH_MS, Math.ceil(next.untilMs - nowMs));
    this.#timer = this.#clock.after(leftMs, this.#look);
  };
}

class Detector implements TransportOwner {
  /** When it is decided without more bytes. */
  readonly untilMs: number;
  readonly #transport: Transport;
  readonly #undecided: Undecided;
  readonly #home: DetectionHome;
  #first: Buffer | undefined;

  constructor(socket: Socket, undecided: Undecided, home: DetectionHome, untilMs: number) {
    this.#undecided = undecided;
    this.#home = home;
    this.untilMs = untilMs;
    this.#transport = new Transport(socket, this);
  }

  onBytes(bytes: Buffer, from: number, to: number): void {
    const piece = bytes.subarray(from, to);
    const first = this.#first === undefined ? piece : Buffer.concat([this.#first, piece]);
    this.#first = first;
    const detected = detect(first);
    if (detected !== 'undecided') this.#done(detected, false);
    else if (first.length >= PEEK_BYTES_MAX) this.#done('opaque', false);
  }

  onEnd(): void {
    this.#done('opaque', true);
  }

  onClosed(): void {
    this.#undecided.delete(this);
  }

  onRoom(): void {
    // Nothing was written.
  }

  flush(): void {
    // Nothing was written.
  }

  /** Its time is over: decides by what has come. */
  giveUp(): void {
    this.#done(detectSilent(this.#first), false);
  }

  #done(protocol: DetectedConnection['protocol'], ended: boolean): void {
    this.#undecided.delete(this);
    this.#home.decided({ transport: this.#transport, protocol, first: this.#first, ended });
  }
}
