/**
 * Waiting for others: who waits long is told for whom, and can leave at any moment.
 */
import { interruptible } from './interruption.ts';
import type { Io } from './io.ts';
import { progress } from './output.ts';

/** Nobody wonders about a shorter wait. */
const QUIET_MS = 2_000;

/** Awaits `work`, which asks `whom`; an interruption ends the wait at once. */
export async function waitFor<T>(io: Io, whom: string, work: Promise<T>): Promise<T> {
  const timer = io.clock.after(QUIET_MS, () => progress(io, `waiting for ${whom} …`));
  try {
    return await interruptible(io.signal, work);
  } finally {
    timer.cancel();
  }
}

/** What the messages of {@link waitFor} call the API server of `context`. */
export function apiServerOf(context: string): string {
  return `the API server of ${context}`;
}
