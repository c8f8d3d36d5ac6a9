/**
 * What a connection brings, read in portions: a little in each turn of the event loop, however much came.
 *
 * Sixty-four kilobytes hold a thousand requests, or ten thousand frames. Read in one go they would make
 * every other connection wait for all that follows from them; so a connection has its portion, the others
 * have their turn, and it goes on. While much is asked of the gateway by all together, portions are small. Whose reader
 * asks for a rest goes on only after it.
 */
import type { Clock, Timer } from '#core/clock.ts';
import type { Transport } from '../transport/transport.ts';
import { type Flushable, flushAtTurnEnd } from '../transport/turn.ts';

/** How much of one connection is read in one turn, as `Http2Connection.feed` counts. */
export interface Portion {
  readonly units: number;
  /** What it still has when {@link TURN_UNITS} are spent. */
  readonly leastUnits: number;
}

/** Of a client: some 80 requests. */
export const CLIENT_PORTION: Portion = { units: 1_024, leastUnits: 64 };
/** Of a tunnel by which a peer's requests come: some 80, for what follows from them is done here, too. */
export const PEER_PORTION: Portion = { units: 1_024, leastUnits: 128 };
/** Of a tunnel or a pod that answers: it carries answers to many, and what waits here makes all of them wait. */
export const TUNNEL_PORTION: Portion = { units: 4_096, leastUnits: 1_024 };
/** Of all connections in one turn. */
const TURN_UNITS = 1_024;

/** Spent in this turn, by all connections. */
let spentUnits = 0;
let resets = false;

const TURN_END: Flushable = {
  flush() {
    resets = false;
    spentUnits = 0;
  },
};

/** Whoever reads what came. */
export interface PortionReader {
  /** Reads of `bytes[from, to)` what `units` allow; returns how many bytes that was. */
  readPortion(bytes: Buffer, from: number, to: number, units: number): number;
  /** Units of the last portion that are left. */
  readonly unitsLeft: number;
  /** For how long nothing is to be read after the last portion; asked once for each. */
  restMs(): number;
  /** Nothing more comes. */
  readEnd(): void;
}

interface Waiting {
  readonly bytes: Buffer;
  from: number;
  readonly to: number;
}

const NONE: Waiting[] = [];

/** Deals out what `transport` brings to `reader`. */
export class Portions implements Flushable {
  readonly #transport: Transport;
  readonly #reader: PortionReader;
  readonly #portion: Portion;
  readonly #clock: Clock;
  #waiting = NONE;
  #ended = false;
  #rest: Timer | undefined;
  #over = false;

  constructor(transport: Transport, reader: PortionReader, portion: Portion, clock: Clock) {
    this.#transport = transport;
    this.#reader = reader;
    this.#portion = portion;
    this.#clock = clock;
  }

  /** `bytes[from, to)` came. */
  take(bytes: Buffer, from: number, to: number): void {
    if (this.#over) return;
    if (this.#stopped) {
      if (this.#waiting === NONE) this.#waiting = [];
      this.#waiting.push({ bytes, from, to });
      return;
    }
    const used = this.#read(bytes, from, to);
    if (this.#over) return;
    const restMs = this.#reader.restMs();
    if (used === to - from && restMs <= 0) return;
    if (used < to - from) this.#waiting = [{ bytes, from: from + used, to }];
    this.#transport.pause();
    this.#goOn(restMs);
  }

  /** Nothing more comes after what has come. */
  end(): void {
    if (this.#stopped) this.#ended = true;
    else this.#reader.readEnd();
  }

  /** Nothing more is read: what waits is dropped, and what comes stays with the system. */
  stop(): void {
    this.#over = true;
    this.drop();
    this.#transport.halt();
  }

  /** What waits is not wanted any more. */
  drop(): void {
    this.#waiting = NONE;
    this.#rest?.cancel();
    this.#rest = undefined;
  }

  /** The next portion is due. */
  flush(): void {
    const waiting = this.#waiting;
    const first = waiting[0];
    if (first === undefined) return;
    first.from += this.#read(first.bytes, first.from, first.to);
    if (this.#over) return;
    if (first.from === first.to) waiting.shift();
    const restMs = this.#reader.restMs();
    if (waiting.length > 0 || restMs > 0) this.#goOn(restMs);
    else this.#resume();
  }

  /** Whether what comes has to wait. */
  get #stopped(): boolean {
    return this.#waiting.length > 0 || this.#rest !== undefined;
  }

  /** The next portion is due in the next turn, or after `restMs`. */
  #goOn(restMs: number): void {
    if (restMs > 0) this.#rest = this.#clock.after(restMs, () => this.#rested());
    else flushAtTurnEnd(this);
  }

  #rested(): void {
    this.#rest = undefined;
    if (this.#waiting.length > 0) flushAtTurnEnd(this);
    else this.#resume();
  }

  #resume(): void {
    this.#waiting = NONE;
    if (this.#ended) this.#reader.readEnd();
    else if (!this.#transport.destroyed) this.#transport.resume();
  }

  #read(bytes: Buffer, from: number, to: number): number {
    const reader = this.#reader;
    const portion = this.#portion;
    const units = spentUnits < TURN_UNITS ? portion.units : portion.leastUnits;
    const used = reader.readPortion(bytes, from, to, units);
    spentUnits += units - reader.unitsLeft;
    if (!resets) {
      resets = true;
      flushAtTurnEnd(TURN_END);
    }
    return used;
  }
}
