/**
 * Loaded before a worker's program: takes it into an endless loop, as a fault in its code might. SIGWINCH does, and, where the file
 * `TEST_SPINS_AT_START` is there, its start does: once, for it is gone then.
 */
import { existsSync, rmSync } from 'node:fs';

const mark = process.env.TEST_SPINS_AT_START;
if (process.env.ISTHMUS_WORKER !== undefined && mark !== undefined && existsSync(mark)) {
  rmSync(mark);
  for (;;);
}
process.on('SIGWINCH', () => {
  for (;;);
});
