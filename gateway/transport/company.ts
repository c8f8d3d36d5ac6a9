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

/** Answers of this length in the mean of the last few are small ones, but for some. */
const SMALL_MEAN_BYTES = 8 * 1_024;
/** What one answer counts in the mean: a sixteenth. */
const MEAN_SHIFT = 4;
/** More is as much: one large answer among many is forgotten as soon. */
const MEAN_BYTES_MAX = 1_024 * 1_024;

let turnsLeft = 0;
let meanBytes = 0;

atTurnEnd(() => {
  if (turnsLeft > 0) turnsLeft -= 1;
});

/** An answer of `bytes` has been passed on, all of it. */
export function answerEnded(bytes: number): void {
  meanBytes += (Math.min(bytes, MEAN_BYTES_MAX) - meanBytes) >> MEAN_SHIFT;
  if (bytes <= SMALL_ANSWER_BYTES) turnsLeft = REMEMBERED_TURNS;
}

/** Whether a small answer ended lately. */
export function inCompany(): boolean {
  return turnsLeft > 0;
}

/** Whether answers are small, as far as the last few tell. */
export function answersAreSmall(): boolean {
  return meanBytes <= SMALL_MEAN_BYTES;
}
