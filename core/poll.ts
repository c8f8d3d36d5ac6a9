/**
 * Waiting for what nobody tells of: it is looked for again and again, and never without end.
 */
import { type Clock, sleep } from './clock.ts';

/** How often is looked, and for how long. */
export interface Patience {
  readonly clock: Clock;
  readonly everyMs: number;
  readonly forMs: number;
  /** Ends the waiting at once. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The first that `look` finds, which is asked at least once. Throws what `late` returns when `forMs` have passed without,
 * the signal's reason when it aborts, and at once what `look` throws.
 */
export async function poll<T>(
  { clock, everyMs, forMs, signal }: Patience,
  look: () => Promise<T | undefined>,
  late: () => unknown,
): Promise<T> {
  const deadlineMs = clock.monotonicMs() + forMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (clock.monotonicMs() >= deadlineMs) throw late();
    await sleep(clock, everyMs, signal);
  }
}
