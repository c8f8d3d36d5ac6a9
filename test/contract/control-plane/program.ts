/**
 * A program of somebody else's: started, watched, ended.
 *
 * Promises: what it writes is kept, and the end of it is told when the program fails; it never outlives
 * this process by its own will, for whatever ends this process ends it first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** Lines of its output that a failure shows. */
const TAIL_LINES = 25;
const STOP_MS = 10_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program that was started. */
export class Program {
  readonly name: string;
  readonly #logPath: string;
  readonly #process: ChildProcess;
  #ended: string | undefined;

  /** Starts `file`; its output goes to `logPath`. */
  constructor(file: string, flags: readonly string[], logPath: string) {
    this.name = basename(file);
    this.#logPath = logPath;
    const log = openSync(logPath, 'w', 0o600);
    // Nothing of our environment is any of its business.
    const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' };
    // Ctrl-C is ours to hear: the program is ended in its turn.
    this.#process = spawn(file, [...flags], { env, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    running.add(this.#process);
    const end = (how: string) => {
      this.#ended ??= how;
      running.delete(this.#process);
    };
    this.#process.on('error', (error) => end(error.message));
    this.#process.on('exit', (code, signal) => end(signal ?? `exit code ${code}`));
  }

  get isRunning(): boolean {
    return this.#ended === undefined;
  }

  /** Waits until `check` is true. Throws with the end of the output when it ends or takes too long. */
  async ready(check: () => Promise<boolean>, withinMs: number): Promise<void> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      if (this.#ended !== undefined) throw this.failure(`ended (${this.#ended})`);
      if (await check().catch(() => false)) return;
      if (performance.now() > endMs) throw this.failure(`is not ready after ${withinMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** An error that says what happened and what the program wrote last. */
  failure(what: string): Error {
    const lines = readFileSync(this.#logPath, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES);
    return new Error(`${this.name} ${what}; it wrote last:\n  ${lines.join('\n  ')}`);
  }

  /** Resolves when it is gone: SIGTERM, ten seconds, SIGKILL. */
  async stop(): Promise<void> {
    if (this.#ended !== undefined) return;
    const gone = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(timer);
  }
}
