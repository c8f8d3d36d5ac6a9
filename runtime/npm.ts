/**
 * Ends with npm, for what `npm start` and `npx` began.
 *
 * npm dies of a SIGHUP or SIGKILL sent to it alone and tells nobody; a command it started would go on
 * for ever. npx runs a shell between itself and the command, so two generations are watched.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '#core/clock.ts';

const POLL_MS = 250;

/** Calls `gone` once the process that started us, or the one that started that, is no more. */
export function watchNpm(clock: Clock, gone: () => void): void {
  const parent = process.ppid;
  const grandparent = parentOf(parent);
  const timer = clock.every(POLL_MS, () => {
    if (process.ppid === parent && parentOf(parent) === grandparent) return;
    timer.cancel();
    gone();
  });
}

/** The parent of `pid`; `undefined` where the system does not tell (no /proc). */
function parentOf(pid: number): number | undefined {
  try {
    // "pid (name) state ppid …": the name may hold anything, so the last parenthesis counts.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
