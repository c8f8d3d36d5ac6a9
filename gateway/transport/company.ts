/**
 * Whether somebody who asks for little is about. Whoever moves much is served best with much of it under way, and whoever
 * waits for a small answer with little before it; where there are both, little is under way.
 *
 * Counted in turns of the event loop, not in time: no clock is asked on the way of every byte.
 */
import { atTurnEnd } from './turn.ts';

/** An answer up to this length is a small one. */
export const SMALL_ANSWER_BYTES = 4 * 1_024;
/** A small answer is remembered for so many turns: some hundred milliseconds of those that are full. */
export const REMEMBERED_TURNS = 256;

let turnsLeft = 0;

atTurnEnd(() => {
  if (turnsLeft > 0) turnsLeft -= 1;
});

/** An answer of `bytes` has been passed on, all of it. */
export function answerEnded(bytes: number): void {
  if (bytes <= SMALL_ANSWER_BYTES) turnsLeft = REMEMBERED_TURNS;
}

/** Whether a small answer ended lately. */
export function inCompany(): boolean {
  return turnsLeft > 0;
}
