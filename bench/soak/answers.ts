/** What a part of the soak is asked over its channel, and how it answers. */

/** Environment: which part a process is. */
export const PART = 'ISTHMUS_SOAK_PART';

/** What a part is asked. */
export interface Question {
  readonly id: number;
  readonly question: string;
  readonly argument: unknown;
}

/** What it says. */
export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
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
