/**
 * The frame every `main.ts` runs in: settings, logging, signals, the parent's death, the exit code.
 *
 * Promises: `main` is told to end by `signal`, and ends within a named time whether it heeds it or
 * not; a failure is one clear log line and an exit code (1; 2 for `INVALID_CONFIG`); a component
 * started by a supervisor never outlives it, even when the supervisor was killed with -9.
 */
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { type Clock, systemClock } from '#core/clock.ts';
import { codeOf, describeError, IsthmusError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Network } from '#core/network.ts';
import { type Random, systemRandom } from '#core/random.ts';
import { type Environment, EnvironmentReader } from './environment.ts';
import { createLogger, LOG_LEVELS } from './log.ts';
import { networkFromSpec } from './network.ts';

/** What a component is given by the machine. */
export interface ComponentContext {
  readonly env: Environment;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly network: Network;
  /** Aborts on SIGTERM, SIGINT, SIGHUP and when the parent disappears. */
  readonly signal: AbortSignal;
  /** Where an absolute path of the container really is: below ISTHMUS_ROOT. */
  rootPath(path: string): string;
}

export interface ComponentOptions {
  /** How long `main` may take to finish after a signal. @default 30_000 */
  readonly drainMs?: number;
}

/** Why a component was told to end. */
export type EndReason = 'signal' | 'parent';

const DRAIN_MS = 30_000;
/** Time to finish once the parent is gone: nobody waits for a graceful end any more. */
const ORPHAN_DRAIN_MS = 500;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * Runs `main` as this process. Never returns to its caller's care: the process exits 0 when `main`
 * resolves, 1 when it fails or overstays, 2 when the environment is wrong.
 */
export function runComponent(
  name: string,
  main: (context: ComponentContext) => Promise<void>,
  options: ComponentOptions = {},
): void {
  const env: Environment = { ...process.env };
  const bootLog = createLogger(name, 'info');
  let log = bootLog;
  keepAlive();
  const fail = (error: unknown) => process.exit(report(log, error));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  try {
    const reader = new EnvironmentReader(env);
    const level = reader.choice('ISTHMUS_LOG_LEVEL', LOG_LEVELS, 'info');
    const parent = reader.choice('ISTHMUS_PARENT', ['none', 'stdin'], 'none');
    reader.check();
    log = createLogger(name, level);
    const network = networkFromSpec(env.ISTHMUS_NETWORK);
    const root = env.ISTHMUS_ROOT || '/';
    const signal = endSignal(log, {
      drainMs: options.drainMs ?? DRAIN_MS,
      watchStdin: parent === 'stdin',
    });
    const context: ComponentContext = {
      env,
      clock: systemClock,
      random: systemRandom,
      log,
      network,
      signal,
      rootPath: (path) => join(root, path),
    };
    main(context).then(
      () => process.exit(0),
      (error: unknown) => {
        // A wait that was cut short by the signal is a way of ending, not a failure.
        if (signal.aborted && error === signal.reason) process.exit(0);
        fail(error);
      },
    );
  } catch (error) {
    fail(error);
  }
}

function endSignal(
  log: Logger,
  options: { readonly drainMs: number; readonly watchStdin: boolean },
): AbortSignal {
  const controller = new AbortController();
  const end = (why: EndReason, detail: string) => {
    const limitMs = why === 'parent' ? ORPHAN_DRAIN_MS : options.drainMs;
    systemClock.after(limitMs, () => {
      log.error('Did not finish in time', { limitMs, reason: detail });
      process.exit(EXIT_FAILED);
    });
    if (controller.signal.aborted) return;
    log.info('Ending', { reason: detail });
    controller.abort(new Error(`The component is ending: ${detail}`));
  };
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    let seen = false;
    process.on(name, () => {
      // The time to finish is counted from the first signal; a repeated one changes nothing.
      if (!seen) end('signal', name);
      seen = true;
    });
  }
  if (options.watchStdin) watchParent(() => end('parent', 'the parent process is gone'));
  return controller.signal;
}

/**
 * Calls `gone` once, when standard input ends. The parent holds its other end and writes nothing, so
 * the system closes it at the parent's death, whatever killed it.
 */
export function watchParent(gone: () => void): void {
  let told = false;
  const tell = () => {
    if (!told) gone();
    told = true;
  };
  process.stdin.on('end', tell).on('close', tell).on('error', tell).resume();
}

/** Timers of our clock never keep a process alive, and a component may wait for nothing but time. */
function keepAlive(): void {
  const channel = new MessageChannel();
  channel.port1.on('message', () => undefined);
  // A port whose other end is collected closes by itself: this listener holds both.
  process.on('exit', () => channel.port2.close());
}

/** Writes the one line that says what went wrong, and returns the exit code. */
export function report(log: Logger, error: unknown): number {
  if (error instanceof IsthmusError) {
    const { code, field, next } = error;
    log.error(describeError(error), { code, ...(field === undefined ? {} : { field }), next });
    return code === 'INVALID_CONFIG' ? EXIT_USAGE : EXIT_FAILED;
  }
  const stack = error instanceof Error ? error.stack : undefined;
  log.error(describeError(error), { code: codeOf(error), stack });
  return EXIT_FAILED;
}
