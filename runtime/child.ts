/**
 * Child processes: programs of this package, started, awaited and ended.
 *
 * Promises: a child holds the read end of a pipe of ours (`ISTHMUS_PARENT=stdin`), so it ends when this
 * process does, whatever ends it; Ctrl-C reaches this process alone, which then ends its children in
 * order; what a child writes to standard error is in its log file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';

export interface ChildOptions {
  /** The file to give to node; see `programPath()`. */
  readonly file: string;
  readonly args?: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Standard error is appended here, and standard output unless it is read. */
  readonly logPath: string;
  /** Whether {@link Child.output} is wanted. */
  readonly readOutput?: boolean;
}

/** How a process ended: one of the two is not null. */
export interface ChildExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** A process that was started. */
export class Child {
  readonly pid: number;
  /** Standard output, when it was asked for. */
  readonly output: Readable | undefined;
  /** Resolves when it has ended; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcess;

  /** Starts it. Throws `INTERNAL` when the system starts no process. */
  constructor(options: ChildOptions) {
    const { file, args = [], env, logPath } = options;
    mkdirSync(dirname(logPath), { recursive: true });
    const log = openSync(logPath, 'a');
    this.#process = spawn(process.execPath, [file, ...args], {
      env: { ...env, ISTHMUS_PARENT: 'stdin' },
      stdio: ['pipe', options.readOutput ? 'pipe' : log, log],
      detached: true,
    });
    closeSync(log);
    this.exited = new Promise((resolve) => {
      this.#process.once('exit', (exitCode, signal) => {
        // Like a container: what a process started does not outlive it.
        this.kill();
        resolve({ exitCode, signal });
      });
      this.#process.once('error', () => resolve({ exitCode: null, signal: null }));
    });
    // The pipe only says that we live; that its other end closed, the exit says better.
    this.#process.stdin?.on('error', () => undefined);
    if (this.#process.pid === undefined) {
      throw new IsthmusError('INTERNAL', `The system did not start a process for ${file}`);
    }
    this.pid = this.#process.pid;
    this.output = this.#process.stdout ?? undefined;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Ends it at once, with whatever it started; nothing when all has ended. */
  kill(): void {
    killNow(this.pid);
  }

  /** Stops it where it is, with whatever it started: it neither answers nor ends until {@link thaw}. */
  freeze(): void {
    signalGroup(this.pid, 'SIGSTOP');
  }

  /** Lets it go on. */
  thaw(): void {
    signalGroup(this.pid, 'SIGCONT');
  }

  /** Resolves when it is gone: SIGTERM, `graceMs`, SIGKILL. */
  async stop(graceMs: number, clock: Clock): Promise<void> {
    if (!this.isRunning) return;
    this.#process.kill('SIGTERM');
    // A frozen process hears of its end when it goes on.
    this.thaw();
    const timer = clock.after(graceMs, () => this.kill());
    await this.exited;
    timer.cancel();
  }
}

/** The id of this process. */
export function ownPid(): number {
  return process.pid;
}

/** Whether a process with this id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Ends a {@link Child} and what it started, at once. Nothing when there is none. */
export function killNow(pid: number): void {
  signalGroup(pid, 'SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    // A child leads a process group of its own.
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
