/**
 * What a connection brings, read in portions: a little in each turn of the event loop, however much came.
 *
 * Sixty-four kilobytes hold a thousand requests, or ten thousand frames. Read in one go they would make
 * every other connection wait for all that follows from them; so a connection has its portion, the others
 * have their turn, and it goes on. While much is asked of the gateway by all together, portions are small.
 */
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
  #waiting = NONE;
  #ended = false;

  constructor(transport: Transport, reader: PortionReader, portion: Portion) {
    this.#transport = transport;
    this.#reader = reader;
    this.#portion = portion;
  }

  /** `bytes[from, to)` came. */
  take(bytes: Buffer, from: number, to: number): void {
    if (this.#waiting.length > 0) {
      this.#waiting.push({ bytes, from, to });
      return;
    }
    const used = this.#read(bytes, from, to);
    if (used === to - from) return;
    this.#waiting = [{ bytes, from: from + used, to }];
    this.#transport.pause();
    flushAtTurnEnd(this);
  }

  /** Nothing more comes after what has come. */
  end(): void {
    if (this.#waiting.length > 0) this.#ended = true;
    else this.#reader.readEnd();
  }

  /** What waits is not wanted any more. */
  drop(): void {
    this.#waiting = NONE;
  }

  /** The next portion is due. */
  flush(): void {
    const waiting = this.#waiting;
    const first = waiting[0];
    if (first === undefined) return;
    first.from += this.#read(first.bytes, first.from, first.to);
    if (first.from === first.to) waiting.shift();
    if (waiting.length > 0) {
      flushAtTurnEnd(this);
      return;
    }
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
