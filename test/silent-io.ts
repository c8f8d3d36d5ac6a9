/** An {@link Io} for tests. */
import type { Io } from '#cli/io.ts';
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';

/** One that prints nowhere and is never interrupted. */
export function silentIo(cwd: string, env: Record<string, string | undefined> = {}): Io {
  return {
    clock: systemClock,
    random: systemRandom,
    env,
    cwd,
    home: cwd,
    signal: new AbortController().signal,
    isTerminal: false,
    isErrorTerminal: false,
    size: () => ({ columns: 80, rows: 24 }),
    out: () => undefined,
    err: () => undefined,
  };
}
