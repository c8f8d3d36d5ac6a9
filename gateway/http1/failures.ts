/**
 * What is said of a pod that could not be reached, or did not answer as it should. pure
 */
import { describeError } from '#core/errors.ts';
import { AttemptError } from '../http/attempt-error.ts';
import { CONNECT_MS } from './bounds.ts';

/** How an exchange with a pod goes wrong once there is a connection. */
export type BrokenCode = 'UPSTREAM_RESET' | 'UPSTREAM_PROTOCOL';

/** `endpoint` accepted no connection, because of `error`, or in time. */
export function notConnected(
  endpoint: string,
  timedOut: boolean,
  error: NodeJS.ErrnoException | undefined,
): AttemptError {
  const why = timedOut
    ? `not connected within ${CONNECT_MS} ms`
    : describeError(error ?? new Error('closed'));
  const message = `cannot connect to ${endpoint}: ${why}`;
  return new AttemptError('UPSTREAM_CONNECT', message, { neverSent: true, cause: error });
}

/** `endpoint` did `what` while it owed an answer; nobody knows what became of the request. */
export function brokenOff(
  endpoint: string,
  code: BrokenCode,
  what: string,
  cause: unknown,
): AttemptError {
  const text = `${endpoint}${code === 'UPSTREAM_PROTOCOL' ? ':' : ''} ${what}`;
  return new AttemptError(code, text, { neverSent: false, cause });
}
