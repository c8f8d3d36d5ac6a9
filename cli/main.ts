/**
 * `isthmus`: the process around the commands.
 */
import { homedir } from 'node:os';
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { watchNpm } from '#runtime/npm.ts';
import { exitCodeOf } from './exit.ts';
import { Interruption } from './interruption.ts';
import type { Io } from './io.ts';
import { reportError } from './output.ts';
import { runProgram } from './program.ts';
import { openStreams } from './streams.ts';

const ended = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => ended.abort(new Interruption(name)));
}
if (process.env.npm_lifecycle_event !== undefined) {
  watchNpm(systemClock, () => ended.abort(new Interruption('SIGHUP')));
}
const streams = openStreams(process.stdout, process.stderr, (reason) => ended.abort(reason));

const io: Io = {
  clock: systemClock,
  random: systemRandom,
  env: { ...process.env },
  cwd: process.cwd(),
  home: home(),
  signal: ended.signal,
  isTerminal: process.stdout.isTTY === true,
  isErrorTerminal: process.stderr.isTTY === true,
  size: () => ({
    columns: process.stdout.columns ?? process.stderr.columns ?? 80,
    rows: process.stdout.rows ?? 24,
  }),
  out: streams.out,
  err: streams.err,
};

/** A user of a container may have neither `HOME` nor a line in `/etc/passwd`. */
function home(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

// Timers of the clock never keep a process alive; a command that still runs must.
const alive = setInterval(() => undefined, 2 ** 30);
const exitCode = await runProgram(process.argv.slice(2), io);
clearInterval(alive);
const failure = await streams.flushed();
if (failure !== undefined) reportError(failure, io);
await streams.flushed();
// Kept-alive connections would hold the process for seconds.
process.exit(failure === undefined ? exitCode : exitCode || exitCodeOf(failure));
