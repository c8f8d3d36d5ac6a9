/**
 * A part of the soak in a process of its own, so that what it costs is not on anybody else's account;
 * it is asked over its channel and answers.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Environment: which part a process is. */
export const PART = 'ISTHMUS_SOAK_PART';

interface Question {
  readonly id: number;
  readonly question: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A part that runs. */
export interface Part {
  readonly pid: number;
  ask<T>(question: string, argument?: unknown): Promise<T>;
  stop(): void;
}

/** Starts the part `kind`; with `niceness` it gives way to everybody else, as if on another machine. */
export function startPart(kind: string, flags: readonly string[] = []): Part {
  const program = fileURLToPath(new URL('main.ts', import.meta.url));
  const child: ChildProcess = fork(program, [], {
    env: { ...process.env, [PART]: kind },
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

/** Answers what this process is asked, until whoever asks is gone. */
export function answerQuestions(
  answers: Readonly<Record<string, (argument: never) => unknown>>,
): void {
  process.once('disconnect', () => process.exit(0));
  process.on('message', ({ id, question, argument }: Question) => {
    void Promise.resolve()
      .then(() => answers[question]?.(argument as never))
      .then(
        (value): Answer => ({ id, value }),
        (error: unknown): Answer => ({ id, error: String(error) }),
      )
      .then((answer) => process.send?.(answer));
  });
}
