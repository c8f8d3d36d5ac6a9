/**
 * Why an attempt has no answer, and whether another may follow.
 */
import { type ErrorCode, IsthmusError } from '#core/errors.ts';

export class AttemptError extends IsthmusError {
  /** Whether the request surely never reached an application, so that any method may be repeated. */
  readonly neverSent: boolean;

  constructor(code: ErrorCode, message: string, options: { neverSent: boolean; cause?: unknown }) {
    super(code, message, { cause: options.cause });
    this.name = 'AttemptError';
    this.neverSent = options.neverSent;
  }
}
