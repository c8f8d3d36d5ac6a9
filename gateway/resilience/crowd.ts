/**
 * Requests of one source that nobody has answered yet. What is sent to a linked cluster is dealt with there in the order
 * it came, a new request at the price of a connection to a pod; so of a source that sends thousands at once, some go and
 * the rest wait here, where nobody stands behind them. An answer lets the next one go.
 *
 * So it is with a source that does not take what it asked for (`standstill.ts`): it is not brought ever more, but a
 * little.
 *
 * It is no limit of a rate: whoever is answered fast may have more and more unanswered, what waits long goes all the
 * same, and a source that is alone never waits.
 */
import type { Clock, Timer } from '#core/clock.ts';
import { wantTurnEnd } from '../transport/turn.ts';
import { TurnBudget } from '../transport/turn-budget.ts';
import { Standstill } from './standstill.ts';

/** Requests of one source under way without an answer, while others send requests, too. */
export const UNANSWERED_MAX = 64;
/** Of a source whose content stands still, while others send requests, too, one goes every so many looks. */
const LOOKS_PER_SLOW = 4;
/** So many answers allow for one more. */
const ANSWERS_PER_PLACE = 8;
/** Whoever came so long after anybody else is alone. */
const ALONE_MS = 1_000;
/** Those that wait go one by one, answers or not: {@link PER_LOOK} each time, for answers can take long. */
const LOOK_MS = 5;
const PER_LOOK = 10;
/** Let go by answers in one turn of the event loop: those that fail at once make place for the next. */
const GOES_PER_TURN = 32;
/** Sources remembered; above, those with nothing under way are forgotten. */
const SOURCES_MAX = 4_096;

/** Somebody who waits to be sent. */
export interface Queued {
  /** It is to go now, and counts as unanswered. */
  go(): void;
}

interface Source {
  unanswered: number;
  /** Answers since it last had nothing under way. */
  answers: number;
  /** Of its requests and their answers. */
  readonly content: Standstill;
  waiting: Set<Queued> | undefined;
}

/** Let go in this turn, by answers. */
const goes = new TurnBudget(GOES_PER_TURN);

export class Crowd {
  readonly #clock: Clock;
  readonly #sources = new Map<string, Source>();
  /** Those of whom somebody waits. */
  readonly #waiting = new Set<Source>();
  #last = '';
  #lastMs = Number.NEGATIVE_INFINITY;
  /** When the source that asked was last another one than before. */
  #mixedMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #going = false;
  #looks = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a request of `source` may go: it must {@link leave}. Else it is told, unless it {@link forget}s. */
  enter(source: string, who: Queued, nowMs: number): boolean {
    if (source !== this.#last) {
      this.#last = source;
      this.#mixedMs = nowMs;
    }
    this.#lastMs = nowMs;
    const own = this.#sources.get(source) ?? this.#add(source);
    const alone = this.isAlone(source, nowMs) && own.waiting === undefined;
    if (alone || hasPlace(own, nowMs)) {
      own.unanswered += 1;
      return true;
    }
    own.waiting ??= new Set();
    own.waiting.add(who);
    this.#waiting.add(own);
    this.#timer ??= this.#clock.after(LOOK_MS, this.#look);
    return false;
  }

  /** Whether nobody but `source` has sent a request lately. */
  isAlone(source: string, nowMs: number): boolean {
    return nowMs - (source === this.#last ? this.#mixedMs : this.#lastMs) > ALONE_MS;
  }

  /** A request of `source` that went has an answer, or needs none. */
  leave(source: string): void {
    const own = this.#sources.get(source);
    if (own === undefined) return;
    own.unanswered -= 1;
    own.answers = own.unanswered === 0 ? 0 : own.answers + 1;
    // Who fails at once leaves from within its going: the loop it came from goes on, not one within the other.
    if (own.waiting === undefined || this.#going || goes.used) return;
    const nowMs = this.#clock.monotonicMs();
    if (!hasPlace(own, nowMs)) return;
    goes.spent += this.#letGo(own, 0, nowMs);
    wantTurnEnd();
  }

  /** So much more content is held for `source`; less, if it is negative. */
  hold(source: string, bytes: number): void {
    this.#sources.get(source)?.content.hold(bytes);
  }

  /** `bytes` held for `source` were taken. Asks no clock: what leaves when a turn ends would begin the next one by it. */
  left(source: string, bytes: number): void {
    this.#sources.get(source)?.content.left(bytes);
  }

  /** `who` of `source` waits no longer. */
  forget(source: string, who: Queued): void {
    const own = this.#sources.get(source);
    if (own?.waiting?.delete(who) && own.waiting.size === 0) this.#nobodyWaits(own);
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    this.#looks += 1;
    const slow = this.#looks % LOOKS_PER_SLOW === 0 ? 1 : 0;
    const nowMs = this.#clock.monotonicMs();
    for (const own of [...this.#waiting])
      this.#letGo(own, own.content.stands(nowMs) ? slow : PER_LOOK, nowMs);
    if (this.#waiting.size > 0) this.#timer ??= this.#clock.after(LOOK_MS, this.#look);
  };

  /** Lets `least` go, and more while there is a place, at most {@link PER_LOOK}; how many went. */
  #letGo(own: Source, least: number, nowMs: number): number {
    this.#going = true;
    let gone = 0;
    try {
      for (; gone < PER_LOOK; gone += 1) {
        const [who] = own.waiting ?? [];
        if (who === undefined || (gone >= least && !hasPlace(own, nowMs))) break;
        own.waiting?.delete(who);
        if (own.waiting?.size === 0) this.#nobodyWaits(own);
        own.unanswered += 1;
        who.go();
      }
    } finally {
      this.#going = false;
    }
    return gone;
  }

  #nobodyWaits(own: Source): void {
    own.waiting = undefined;
    this.#waiting.delete(own);
  }

  #add(source: string): Source {
    if (this.#sources.size >= SOURCES_MAX) {
      for (const [each, { unanswered, content, waiting }] of this.#sources)
        if (unanswered === 0 && content.empty && waiting === undefined) this.#sources.delete(each);
    }
    const own: Source = {
      unanswered: 0,
      answers: 0,
      content: new Standstill(),
      waiting: undefined,
    };
    this.#sources.set(source, own);
    return own;
  }
}

/** Whether one more may go; who waits goes first. */
function hasPlace({ unanswered, answers, content }: Source, nowMs: number): boolean {
  const most = UNANSWERED_MAX + Math.floor(answers / ANSWERS_PER_PLACE);
  return unanswered < most && !content.stands(nowMs);
}
