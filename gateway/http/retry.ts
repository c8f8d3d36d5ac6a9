/**
 * Whether a failed request may be tried again. pure
 */

import { ERRORS } from '#core/errors.ts';
import type { AttemptError } from './attempt-error.ts';
import { headerValue, type RequestHead } from './message.ts';

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
]);

/** Attempts for one request, the first included. */
export const ATTEMPTS_MAX = 3;

/** What decides about a retry. */
export interface RetryFacts {
  readonly head: RequestHead;
  readonly failure: AttemptError;
  readonly attemptsLeft: number;
  readonly bodyReplayable: boolean;
}

/**
 * True when another attempt is allowed: attempts and the whole body are left and
 * repeating is safe, either because the method is idempotent or nothing was sent.
 */
export function mayRetry(facts: RetryFacts): boolean {
  const { head, failure, attemptsLeft, bodyReplayable } = facts;
  if (attemptsLeft < 1 || !bodyReplayable) return false;
  if (failure.neverSent) return true;
  return ERRORS[failure.code].retryable && isIdempotent(head);
}

/** Whether sending the request twice has the effect of sending it once. */
export function isIdempotent(head: RequestHead): boolean {
  return IDEMPOTENT.has(head.method) || headerValue(head.headers, 'idempotency-key') !== undefined;
}
