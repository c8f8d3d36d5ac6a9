/**
 * What a command may touch of the machine, as an argument: streams, clock, environment, signals.
 */
import type { Clock } from '#core/clock.ts';
import type { Random } from '#core/random.ts';

export interface Io {
  readonly clock: Clock;
  readonly random: Random;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder the command was started in. */
  readonly cwd: string;
  /** The person's home folder, for `~/.kube/config`; `undefined` where there is none. */
  readonly home: string | undefined;
  /** Aborts with an `Interruption` on the first SIGINT, SIGTERM or SIGHUP, and when nobody can be told any more. */
  readonly signal: AbortSignal;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Whether standard error is a terminal, for progress. */
  readonly isErrorTerminal: boolean;
  size(): { readonly columns: number; readonly rows: number };
  out(text: string): void;
  err(text: string): void;
}

/** How a command reports: for people, or as one JSON or YAML document. */
export type OutputFormat = 'text' | 'json' | 'yaml';

/** What every command is made with: `io`, and a place for the exit code of a run that failed no call. */
export interface CommandContext {
  readonly io: Io;
  /** A check or expectation failed; the run was otherwise fine. */
  failed(): void;
}
