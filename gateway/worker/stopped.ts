/**
 * Whether somebody has stopped a process (SIGSTOP, a debugger of the machine), as Linux tells.
 */
import { readFileSync } from 'node:fs';

/** Also false where the system does not say. */
export function isStopped(pid: number): boolean {
  try {
    // The state follows the name, which is in brackets and may hold some itself.
    return /\) [Tt] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
