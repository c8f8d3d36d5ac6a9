/**
 * Programs that benches start, and end.
 *
 * Promises: `endAll()` returns when everything that was started is gone; a program that is missing is
 * named with the Debian package that has it; what a program said on standard error is in its failure.
 */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const GRACE_MS = 1_000;
const SAID_CHARACTERS_MAX = 2_000;
/** Where Debian keeps servers, which is not in everybody's PATH. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/** Something that ended, or did not start, as it should not have. */
export class ProgramError extends Error {}

/** The path of `program`. Throws a {@link ProgramError} that names its Debian package. */
export function findProgram(program: string, debianPackage: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SERVER_FOLDERS];
  for (const folder of folders) {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return join(folder, program);
    } catch {
      // Not in this folder.
    }
  }
  throw new ProgramError(`${program} is missing: install the Debian package ${debianPackage}`);
}

/** Throws a {@link ProgramError} that names every program that is missing, by program and Debian package. */
export function requirePrograms(wanted: readonly (readonly [string, string])[]): void {
  const problems = wanted.flatMap(([program, debianPackage]) => {
    try {
      findProgram(program, debianPackage);
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  });
  if (problems.length > 0) throw new ProgramError(problems.join('; '));
}

/** What a program answers when asked for its version, on either stream: the first `x.y…` in it. */
export function versionOf(path: string, argument: string): string {
  try {
    const said = execFileSync('/bin/sh', ['-c', '"$0" "$1" 2>&1', path, argument], {
      encoding: 'utf8',
    });
    return /\d+\.\d+[\w.]*/.exec(said)?.[0] ?? 'unknown';
  } catch (error) {
    // wrk tells its version and fails.
    return /\d+\.\d+[\w.]*/.exec(String((error as { stdout?: string }).stdout))?.[0] ?? 'unknown';
  }
}

/** A program that runs. */
export interface Program {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Resolves with its exit code, null after a signal. */
  readonly exited: Promise<number | null>;
  /** The last it said on standard error. */
  said(): string;
}

/** Everything that was started. */
export class Programs {
  readonly #running = new Set<Program>();

  /** A program that is not ours; where the system can, it ends with this process, whatever ends that. */
  startForeign(file: string, args: readonly string[]): Program {
    try {
      const setpriv = findProgram('setpriv', 'util-linux');
      return this.start(setpriv, ['--pdeathsig', 'TERM', '--', file, ...args]);
    } catch {
      return this.start(file, args);
    }
  }

  start(file: string, args: readonly string[], options: SpawnOptions = {}): Program {
    let said = '';
    const child = spawn(file, [...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-SAID_CHARACTERS_MAX);
    });
    const exited = new Promise<number | null>((resolve) => {
      child.once('exit', (code) => resolve(code));
      child.once('error', () => resolve(null));
    });
    if (child.pid === undefined) throw new ProgramError(`${file} does not start`);
    const program = { process: child, pid: child.pid, exited, said: () => said };
    this.#running.add(program);
    void exited.then(() => this.#running.delete(program));
    return program;
  }

  /** A process of our own, with a channel and Node's `flags`; resolves when it has said that it is ready. */
  async startScript(
    script: URL,
    args: readonly string[] = [],
    flags: readonly string[] = [],
  ): Promise<Program> {
    const program = this.start(process.execPath, [...flags, fileURLToPath(script), ...args], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    await this.ask(program, undefined);
    return program;
  }

  /** The next message of a script, after it was sent `order`. */
  ask(program: Program, order: object | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = (message: unknown) => {
        program.process.off('message', settle);
        resolve(message);
      };
      program.process.on('message', settle);
      void program.exited.then(() => reject(new ProgramError(`a helper ended: ${program.said()}`)));
      if (order) program.process.send(order);
    });
  }

  /** Ends everything, gently first. */
  async endAll(): Promise<void> {
    const running = [...this.#running];
    for (const each of running) each.process.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const each of this.#running) each.process.kill('SIGKILL');
    }, GRACE_MS);
    await Promise.all(running.map((each) => each.exited));
    clearTimeout(timer);
  }
}
