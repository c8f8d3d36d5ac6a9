/**
 * Why an attempt has no answer, and whether another may follow.
 */
import { describeError, type ErrorCode, IsthmusError } from '#core/errors.ts';
import type { Outcome } from '../balance/endpoint.ts';

export interface AttemptErrorOptions {
  readonly neverSent: boolean;
  /** How often it was tried in vain by whoever says so. @default 1 */
  readonly attempts?: number;
  readonly cause?: unknown;
}

export class AttemptError extends IsthmusError {
  /** Whether the request surely never reached an application, so that any method may be repeated. */
  readonly neverSent: boolean;
  readonly attempts: number;

  constructor(code: ErrorCode, message: string, options: AttemptErrorOptions) {
    super(code, message, { cause: options.cause });
    this.name = 'AttemptError';
    this.neverSent = options.neverSent;
    this.attempts = options.attempts ?? 1;
  }
}

/** `error` as the end of an attempt; what is not one is a defect of ours. */
export function asAttemptError(error: unknown): AttemptError {
  if (error instanceof AttemptError) return error;
  return new AttemptError('INTERNAL', describeError(error), { neverSent: false, cause: error });
}

/** What `error` says of the endpoint. */
export function outcomeOf(error: AttemptError): Outcome {
  switch (error.code) {
    case 'UPSTREAM_CONNECT':
      return 'refused';
    // The client's doing, or ours.
    case 'BAD_REQUEST':
    case 'HEADERS_TOO_LARGE':
    case 'INTERNAL':
    case 'LOOP_DETECTED':
    case 'RATE_LIMITED':
    case 'SHUTTING_DOWN':
      return 'cancelled';
    default:
      return 'failure';
  }
}
