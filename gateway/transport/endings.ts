/**
 * Connections that nobody needs any more end a few in each turn of the event loop: a close costs a tenth of a millisecond,
 * and a client or peer that goes can leave thousands behind at once.
 */
import { type Flushable, flushAtTurnEnd } from './turn.ts';
import { TurnBudget } from './turn-budget.ts';

/** Ended in one turn; those beyond wait, in the order they were given up. */
export const ENDINGS_PER_TURN = 16;

/** What is to end. */
export interface Ending {
  /** Ends now; once more than once is once. */
  destroy(): void;
}

const ended = new TurnBudget(ENDINGS_PER_TURN);
/** Those from {@link next} on wait. */
let waiting: Ending[] = [];
let next = 0;

const END_SOME: Flushable = {
  flush() {
    for (let left = ENDINGS_PER_TURN; left > 0 && next < waiting.length; left -= 1) {
      waiting[next]?.destroy();
      next += 1;
    }
    if (next < waiting.length) {
      flushAtTurnEnd(END_SOME);
      return;
    }
    waiting = [];
    next = 0;
  },
};

/** Ends `what` now, or in a turn to come where many end: until then it must ignore whatever it hears. */
export function endInTurn(what: Ending): void {
  if (waiting.length === 0 && !ended.used) {
    ended.spent += 1;
    what.destroy();
    return;
  }
  if (waiting.length === 0) flushAtTurnEnd(END_SOME);
  waiting.push(what);
}
