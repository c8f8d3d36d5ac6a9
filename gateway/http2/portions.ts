/**
 * What a connection brings, read in portions: a little in each turn of the event loop, however much came.
 *
 * Sixty-four kilobytes hold a thousand requests, or ten thousand frames. Read in one go they would make
 * every other connection wait for all that follows from them; so a connection has its portion, the others
 * have their turn, and it goes on. While much is asked of the gateway by all together, portions are small.
 */
import type { Transport } from '../transport/transport.ts';
import { type Flushable, flushAtTurnEnd } from '../transport/turn.ts';
import { TurnBudget } from '../transport/turn-budget.ts';

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
export const TUNNEL_PORTION: Portion = { units: 1_024, leastUnits: 256 };
/** Of all connections in one turn. */
const TURN_UNITS = 1_024;

/** Spent in this turn, by all connections. */
const all = new TurnBudget(TURN_UNITS);

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
  /** Of this connection, in {@link #turn}. */
  #spentUnits = 0;
  #turn = -1;

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
    if (waiting.length === 0) return;
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      first.from += this.#read(first.bytes, first.from, first.to);
      // Dropped meanwhile.
      if (this.#waiting !== waiting) return;
      if (first.from < first.to) {
        flushAtTurnEnd(this);
        return;
      }
      waiting.shift();
    }
    this.#waiting = NONE;
    if (this.#ended) this.#reader.readEnd();
    else if (!this.#transport.destroyed) this.#transport.resume();
  }

  #read(bytes: Buffer, from: number, to: number): number {
    const reader = this.#reader;
    const portion = this.#portion;
    if (this.#turn !== all.turn) {
      this.#turn = all.turn;
      this.#spentUnits = 0;
    }
    // However many pieces it comes in: TLS brings 16 KiB at a time.
    const units = (all.used ? portion.leastUnits : portion.units) - this.#spentUnits;
    if (units <= 0) return 0;
    const used = reader.readPortion(bytes, from, to, units);
    const spent = units - reader.unitsLeft;
    this.#spentUnits += spent;
    all.spent += spent;
    return used;
  }
}
