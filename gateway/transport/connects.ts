/**
 * Connections to pods are begun a few in each turn of the event loop: one costs a third of a millisecond, and a peer or a
 * client can ask for thousands at once.
 */
import { TurnBudget } from './turn-budget.ts';
import { TurnQueue } from './turn-queue.ts';

/** Begun in one turn by everybody, but for one of each pool, which can always go on. */
export const CONNECTS_PER_TURN = 6;

/** Somebody who has no pool, and waits for a turn to connect in. */
export interface Connecting {
  /** Connects now, unless nobody needs it any more. */
  connect(): void;
}

/** Begun in this turn. */
export const connects = new TurnBudget(CONNECTS_PER_TURN);

const waiting = new TurnQueue<Connecting>(CONNECTS_PER_TURN, (each) => each.connect());

/** Whether whoever has no pool may connect in this turn; the connection is taken for begun. */
export function mayConnectNow(): boolean {
  if (!waiting.empty || connects.used) return false;
  connects.spent += 1;
  return true;
}

/** Has `who` connect in a turn to come. */
export function connectInTurn(who: Connecting): void {
  waiting.push(who);
}
