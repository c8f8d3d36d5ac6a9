/**
 * Waiting for others: who waits long is told for whom, and can leave at any moment.
 */
import type { Clock } from '#core/clock.ts';
import { interruptible } from './interruption.ts';
import type { Io } from './io.ts';
import { progress } from './output.ts';

/** Nobody wonders about a shorter wait. */
const QUIET_MS = 2_000;

/** Awaits `work`, which asks `whom`; an interruption ends the wait at once. */
export function waitFor<T>(io: Io, whom: string, work: Promise<T>): Promise<T> {
  const tell = () => progress(io, `waiting for ${whom} …`);
  return telling(io.clock, tell, interruptible(io.signal, work));
}

/** Awaits `work`, which must come to its end; calls `tell` when it takes long. */
export async function telling<T>(clock: Clock, tell: () => void, work: Promise<T>): Promise<T> {
  const timer = clock.after(QUIET_MS, tell);
  try {
    return await work;
  } finally {
    timer.cancel();
  }
}

/** What the messages of {@link waitFor} call the API server of `context`. */
export function apiServerOf(context: string): string {
  return `the API server of ${context}`;
}
