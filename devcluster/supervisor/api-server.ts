/**
 * The API server of an embedded cluster as a child process: started, awaited, ended.
 */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { Child } from '#runtime/child.ts';
import { programPath } from '#runtime/package.ts';
import { failureIn, logLines, parseJson } from './child-log.ts';

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
  readonly #child: Child;
  /** Path of the kubeconfig it wrote. */
  readonly kubeconfig: string;

  private constructor(child: Child, kubeconfig: string) {
    this.#child = child;
    this.kubeconfig = kubeconfig;
  }

  /** Resolves when it serves. Throws `ADDRESS_IN_USE`, `TIMED_OUT` or `CLUSTER_UNREACHABLE`. */
  static async start(options: ApiServerOptions): Promise<ApiServer> {
    const { name, block, directory, networkSpec, environment } = options;
    const logPath = join(directory, 'logs', 'api-server.log');
    const child = new Child({
      file: programPath('devcluster/main'),
      env: {
        ...environment,
        ISTHMUS_CLUSTER: name,
        ISTHMUS_BLOCK: String(block),
        ISTHMUS_DIR: directory,
        ...(networkSpec === undefined ? {} : { ISTHMUS_NETWORK: networkSpec }),
      },
      logPath,
      readOutput: true,
    });
    try {
      return new ApiServer(child, await firstLine(child, options, logPath));
    } catch (error) {
      child.kill();
      throw error;
    }
  }

  /** `undefined` when it has ended. */
  get pid(): number | undefined {
    return this.#child.isRunning ? this.#child.pid : undefined;
  }

  /** Resolves when it is gone: SIGTERM, `graceMs`, SIGKILL. */
  stop(graceMs: number, clock: Clock): Promise<void> {
    return this.#child.stop(graceMs, clock);
  }

  /** Calls `listener` once it has ended, whatever ended it. */
  onExit(listener: () => void): void {
    void this.#child.exited.then(listener);
  }
}

function firstLine(child: Child, options: ApiServerOptions, logPath: string): Promise<string> {
  const { clock, name, signal } = options;
  return new Promise((resolve, reject) => {
    const timer = clock.after(START_TIMEOUT_MS, () => {
      const message = `The API server of ${name} did not start within ${START_TIMEOUT_MS} ms`;
      reject(new IsthmusError('TIMED_OUT', message, { next: `See ${logPath}.` }));
    });
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    if (child.output) {
      // Later lines, if any, are read and dropped, so that the child never waits for us.
      createInterface({ input: child.output }).on('line', (line) => {
        const parsed = readyLine.safeParse(parseJson(line));
        if (!parsed.success) return;
        timer.cancel();
        resolve(parsed.data.kubeconfig);
      });
    }
    void child.exited.then(() => {
      timer.cancel();
      reject(endedEarly(name, logPath));
    });
  });
}

/** The failure that the child's last line tells of. */
function endedEarly(name: string, logPath: string): IsthmusError {
  const last = failureIn(logLines(logPath).at(-1) ?? '');
  const code = last.code === 'ADDRESS_IN_USE' ? last.code : 'CLUSTER_UNREACHABLE';
  const next = code === 'ADDRESS_IN_USE' ? undefined : `See ${logPath}.`;
  return new IsthmusError(code, `The API server of ${name} ended: ${last.message}`, { next });
}
