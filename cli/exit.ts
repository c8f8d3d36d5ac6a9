/**
 * Exit codes that scripts can trust, and the one shape of an error. pure
 */
import { codeOf, describeError, ERRORS, type ErrorCode, IsthmusError } from '#core/errors.ts';
import { Interruption } from './interruption.ts';

/**
 * 0 success, 1 a check or expectation failed, 2 usage or invalid file, 3 a cluster cannot be reached. A command that a
 * signal cut short exits with 128 and the number of the signal.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const;

const USAGE_CODES: ReadonlySet<ErrorCode> = new Set(['USAGE', 'INVALID_FILE', 'INVALID_CONFIG']);

/** The exit code for `error`. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interruption) return error.exitCode;
  const code = codeOf(error);
  if (USAGE_CODES.has(code)) return EXIT.usage;
  return code === 'CLUSTER_UNREACHABLE' ? EXIT.unreachable : EXIT.failed;
}

/** An error as `--output json` prints it. */
export interface ErrorDocument {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly field: string | null;
    readonly next: string;
  };
}

/** The document of any thrown value. */
export function errorDocument(error: unknown): ErrorDocument {
  const code = codeOf(error);
  const field = error instanceof IsthmusError ? (error.field ?? null) : null;
  const next = error instanceof IsthmusError ? error.next : ERRORS[code].next;
  return { error: { code, message: describeError(error), field, next } };
}
