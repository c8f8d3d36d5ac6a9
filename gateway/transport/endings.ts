/**
 * Connections that nobody needs any more end a few in each turn of the event loop: a close costs a tenth of a millisecond,
 * and a client or peer that goes can leave thousands behind at once.
 */
import { TurnBudget } from './turn-budget.ts';
import { TurnQueue } from './turn-queue.ts';

/** Ended in one turn; those beyond wait, in the order they were given up. */
export const ENDINGS_PER_TURN = 16;

/** What is to end. */
export interface Ending {
  /** Ends now; once more than once is once. */
  destroy(): void;
}

const ended = new TurnBudget(ENDINGS_PER_TURN);
const waiting = new TurnQueue<Ending>(ENDINGS_PER_TURN, (each) => each.destroy());

/** Ends `what` now, or in a turn to come where many end: until then it must ignore whatever it hears. */
export function endInTurn(what: Ending): void {
  if (!waiting.empty || ended.used) {
    waiting.push(what);
    return;
  }
  ended.spent += 1;
  what.destroy();
}
