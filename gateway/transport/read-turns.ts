/**
 * How much is read of all sockets in one turn of the event loop: every one that has something is read once, and beyond
 * {@link READ_BYTES_PER_TURN} it then waits for its turn, those that waited longest first. So a few hundred pods or
 * uploads that send as fast as they can share what the gateway has time for, and whoever sends little is read at once.
 */
import { TurnBudget } from './turn-budget.ts';
import { TurnQueue } from './turn-queue.ts';

/** Of all sockets, in one turn: some two milliseconds' work with all that follows from it. */
export const READ_BYTES_PER_TURN = 512 * 1_024;
/** Sockets that go on in one turn, of those that wait: each may bring as much as is read at once, 64 KiB. */
const GO_ON_PER_TURN = 4;

/** A socket that waits for its turn. */
export interface Reading {
  /** Reads on, unless it is not to be read any more. */
  readOn(): void;
}

const bytes = new TurnBudget(READ_BYTES_PER_TURN);
const waiting = new TurnQueue<Reading>(GO_ON_PER_TURN, (each) => each.readOn());

/** `length` bytes of `who` were read; whether more of it may be in this turn. Else it is told once it may. */
export function mayReadOn(who: Reading, length: number): boolean {
  bytes.spent += length;
  if (!bytes.used) return true;
  waiting.push(who);
  return false;
}
