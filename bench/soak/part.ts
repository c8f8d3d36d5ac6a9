/**
 * A part of the soak in a process of its own, so that what it costs is not on anybody else's account;
 * it is asked over its channel and answers.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUILT_ROOMS, buildPackage } from '#runtime/build.ts';
import { packageRoot } from '#runtime/package.ts';
import { type Answer, PART, type Question } from './answers.ts';

/** A part that runs. */
export interface Part {
  readonly pid: number;
  ask<T>(question: string, argument?: unknown): Promise<T>;
  stop(): void;
}

let program: string | undefined;

/** Parts run what is published, JavaScript: taking types off costs memory that no gateway pays. */
function buildProgram(): string {
  const output = join(packageRoot(), 'node_modules', '.cache', 'isthmus-soak');
  buildPackage(packageRoot(), [...BUILT_ROOMS, 'bench'], output);
  writeFileSync(join(output, 'package.json'), '{ "type": "module" }\n');
  return join(output, 'bench', 'soak', 'parts.js');
}

/** Starts the part `kind`; `flags` are V8's, `environment` is set beside ours. */
export function startPart(
  kind: string,
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Part {
  program ??= buildProgram();
  const child: ChildProcess = fork(program, [], {
    env: { ...process.env, ...environment, [PART]: kind },
    execArgv: ['--expose-gc', ...flags],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  let lastId = 0;
  let gone = false;
  child.on('message', (answer: Answer) => {
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  child.once('exit', (code, signal) => {
    gone = true;
    for (const [id, tell] of waiting) tell({ id, error: `${kind} ended: ${signal ?? code}` });
    waiting.clear();
  });
  return {
    pid: child.pid ?? 0,
    ask<T>(question: string, argument?: unknown): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      lastId += 1;
      const id = lastId;
      waiting.set(id, ({ value, error }) => {
        if (error === undefined) resolve(value as T);
        else reject(new Error(`${kind} ${question}: ${error}`));
      });
      if (gone) waiting.get(id)?.({ id, error: 'gone' });
      else child.send({ id, question, argument } satisfies Question);
      return promise;
    },
    stop: () => void child.kill('SIGKILL'),
  };
}
