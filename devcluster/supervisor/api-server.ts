/**
 * The API server of an embedded cluster as a child process: started, awaited, ended.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { programPath } from '#runtime/package.ts';

/** How long a start may take. */
const START_TIMEOUT_MS = 20_000;

export interface ApiServerOptions {
  readonly name: string;
  readonly block: number;
  /** Where it keeps its files; its log is `logs/api-server.log` there. */
  readonly directory: string;
  readonly networkSpec: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What it says on its first line of standard output. */
const readyLine = z.object({ ready: z.literal(true), kubeconfig: z.string().min(1) });

/** A running API server. */
export class ApiServer {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  /** Path of the kubeconfig it wrote. */
  readonly kubeconfig: string;

  private constructor(child: ChildProcess, exited: Promise<void>, kubeconfig: string) {
    this.#child = child;
    this.#exited = exited;
    this.kubeconfig = kubeconfig;
  }

  /** Resolves when it serves. Throws `ADDRESS_IN_USE`, `TIMED_OUT` or `CLUSTER_UNREACHABLE`. */
  static async start(options: ApiServerOptions): Promise<ApiServer> {
    const logs = join(options.directory, 'logs');
    mkdirSync(logs, { recursive: true });
    const logPath = join(logs, 'api-server.log');
    const log = openSync(logPath, 'a');
    const child = spawn(process.execPath, [programPath('devcluster/main')], {
      env: {
        ...options.environment,
        ISTHMUS_CLUSTER: options.name,
        ISTHMUS_BLOCK: String(options.block),
        ISTHMUS_DIR: options.directory,
        ISTHMUS_PARENT: 'stdin',
        ...(options.networkSpec === undefined ? {} : { ISTHMUS_NETWORK: options.networkSpec }),
      },
      stdio: ['pipe', 'pipe', log],
      // Ctrl-C reaches the supervisor alone, which then ends its children in order.
      detached: true,
    });
    closeSync(log);
    child.stdin?.on('error', () => undefined);
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    try {
      const kubeconfig = await firstLine(child, exited, options, logPath);
      return new ApiServer(child, exited, kubeconfig);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** `undefined` when it has ended. */
  get pid(): number | undefined {
    return this.#child.exitCode === null && this.#child.signalCode === null
      ? this.#child.pid
      : undefined;
  }

  /** Resolves when it is gone: SIGTERM, `graceMs`, SIGKILL. */
  async stop(graceMs: number, clock: Clock): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = clock.after(graceMs, () => this.#child.kill('SIGKILL'));
    await this.#exited;
    timer.cancel();
  }

  /** Calls `listener` once it has ended, whatever ended it. */
  onExit(listener: () => void): void {
    void this.#exited.then(listener);
  }
}

function firstLine(
  child: ChildProcess,
  exited: Promise<void>,
  options: ApiServerOptions,
  logPath: string,
): Promise<string> {
  const { clock, name, signal } = options;
  return new Promise((resolve, reject) => {
    const timer = clock.after(START_TIMEOUT_MS, () => {
      const message = `The API server of ${name} did not start within ${START_TIMEOUT_MS} ms`;
      reject(new IsthmusError('TIMED_OUT', message, { next: `See ${logPath}.` }));
    });
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    if (child.stdout) {
      // Later lines, if any, are read and dropped, so that the child never waits for us.
      createInterface({ input: child.stdout }).on('line', (line) => {
        const parsed = readyLine.safeParse(parseJson(line));
        if (!parsed.success) return;
        timer.cancel();
        resolve(parsed.data.kubeconfig);
      });
    }
    void exited.then(() => {
      timer.cancel();
      reject(endedEarly(name, logPath));
    });
  });
}

/** The failure that the child's last line tells of: JSON as logs are, or `CODE: message`. */
function endedEarly(name: string, logPath: string): IsthmusError {
  const last = readFileSync(logPath, 'utf8').trim().split('\n').at(-1) ?? '';
  const parsed = lastLine.safeParse(parseJson(last)).data;
  const [, plainCode, plain] = /^([A-Z_]+): (.*)$/.exec(last) ?? [];
  const reason = parsed?.message ?? plain ?? last.slice(0, 200);
  const said = parsed?.code ?? plainCode;
  const code = said === 'ADDRESS_IN_USE' ? said : 'CLUSTER_UNREACHABLE';
  const next = code === 'ADDRESS_IN_USE' ? undefined : `See ${logPath}.`;
  return new IsthmusError(code, `The API server of ${name} ended: ${reason}`, { next });
}

const lastLine = z.object({ message: z.string(), code: z.string().optional() });

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // A line of somebody else's: it is shown as it is, or passed over.
    return undefined;
  }
}
