/**
 * Time as the data path sees it: one reading for each turn of the event loop, and how much of a latency was spent
 * at home.
 *
 * What arrives while a gateway is busy is read when it is done with everything else, and what it sends in a turn
 * leaves at its end. In a burst that is most of what a request seems to take, the same for every endpoint; a
 * balancer that takes it for the endpoint's own multiplies it by the requests under way and flees from the best.
 * So an attempt counts from the end of the turn it began in to the beginning of the one that read its answer.
 */
import type { Clock, Timer } from '#core/clock.ts';
import { atTurnEnd, wantTurnEnd } from './turn.ts';

/** Turns whose ends are known. */
const TURNS = 256;
/** A gateway that is busier than this has other troubles. */
const SLACK_MAX_MS = 50;
/** What one long turn was is forgotten within a second or two. */
const FORGOTTEN_EACH_MS = 0.02;

export class TurnClock implements Clock {
  readonly #clock: Clock;
  /** Ends of the last turns, by number modulo {@link TURNS}. */
  readonly #endsMs = new Float64Array(TURNS);
  #turn = 0;
  #nowMs = 0;
  #isOpen = false;
  #slackMs = 0;
  #endedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    atTurnEnd(() => this.#close());
  }

  /** The number of the present turn. */
  get turn(): number {
    if (!this.#isOpen) this.monotonicMs();
    return this.#turn;
  }

  /** When the present turn began, as far as anybody asked. */
  monotonicMs(): number {
    if (this.#isOpen) return this.#nowMs;
    this.#isOpen = true;
    this.#turn += 1;
    this.#nowMs = this.#clock.monotonicMs();
    wantTurnEnd();
    return this.#nowMs;
  }

  /** When what was said in `turn`, which began at `startMs`, had left; `startMs` where that is not known. */
  sentMs(turn: number, startMs: number): number {
    if (turn === this.#turn || this.#turn - turn >= TURNS) return startMs;
    const endMs = this.#endsMs[turn % TURNS] as number;
    return Math.max(endMs, startMs);
  }

  /**
   * How long an answer may lie here unread, by how long turns took lately, at most {@link SLACK_MAX_MS}: what waits
   * that much longer than expected may have been answered.
   */
  get slackMs(): number {
    return this.#slackMs;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#clock.after(delayMs, callback);
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.#clock.every(periodMs, callback);
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const endMs = this.#clock.monotonicMs();
    this.#endsMs[this.#turn % TURNS] = endMs;
    const forgotten = this.#slackMs - (endMs - this.#endedMs) * FORGOTTEN_EACH_MS;
    this.#slackMs = Math.min(SLACK_MAX_MS, Math.max(endMs - this.#nowMs, forgotten));
    this.#endedMs = endMs;
  }
}
