/**
 * `isthmus`: the process around the commands.
 */
import { homedir } from 'node:os';
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { watchNpm } from '#runtime/npm.ts';
import type { Io } from './io.ts';
import { runProgram } from './program.ts';

const ended = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => ended.abort(name));
}
if (process.env.npm_lifecycle_event !== undefined) {
  watchNpm(systemClock, () => ended.abort('npm'));
}
// A reader that went away (isthmus … | head) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  ended.abort('EPIPE');
});

const io: Io = {
  clock: systemClock,
  random: systemRandom,
  env: { ...process.env },
  cwd: process.cwd(),
  home: homedir(),
  signal: ended.signal,
  isTerminal: process.stdout.isTTY === true,
  isErrorTerminal: process.stderr.isTTY === true,
  size: () => ({ columns: process.stdout.columns ?? 80, rows: process.stdout.rows ?? 24 }),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

// Timers of the clock never keep a process alive; a command that still runs must.
const alive = setInterval(() => undefined, 2 ** 30);
const exitCode = await runProgram(process.argv.slice(2), io);
clearInterval(alive);
// Kept-alive connections would hold the process for seconds; what was written is out first.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
