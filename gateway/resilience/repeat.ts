/**
 * Whether a request may be sent a second time, and whether that is worth it. pure
 */
import { ERRORS } from '#core/errors.ts';
import type { AttemptError } from '../http/attempt-error.ts';
import {
  type AnswerHead,
  headerValue,
  type RawHeaders,
  type RequestHead,
} from '../http/message.ts';
import type { RetrySettings } from '../snapshot/traffic.ts';

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
]);

const PUSHBACK = 'grpc-retry-pushback-ms';

/** Attempts for one request, the first included, whatever a TrafficPolicy says. */
export const ATTEMPTS_MAX = 5;

/** Whether sending the request twice has the effect of sending it once. */
export function isIdempotent(head: RequestHead): boolean {
  return IDEMPOTENT.has(head.method) || headerValue(head.headers, 'idempotency-key') !== undefined;
}

/**
 * Whether a request changes nothing and has no content, so that a second one may go out beside the first:
 * of two deletions under way at once, the later one would find nothing (RFC 9110 section 9.2.1).
 */
export function isSafe({ method, length, upgrade }: RequestHead): boolean {
  return (
    length === 0 &&
    upgrade === '' &&
    (method === 'GET' || method === 'HEAD' || method === 'OPTIONS')
  );
}

/** Whether the request may be repeated after `failure`, everything else permitting. */
export function repeatable(head: RequestHead, failure: AttemptError): boolean {
  return failure.neverSent || (ERRORS[failure.code].retryable && isIdempotent(head));
}

/**
 * Whether `answer`, whose gRPC code is `grpc`, says that another endpoint may do better, and the request may be sent
 * there.
 */
export function worthRepeating(
  head: RequestHead,
  answer: AnswerHead,
  grpc: number,
  settings: RetrySettings,
): boolean {
  // What a gRPC server refuses in its first words it has not worked at (gRFC A6, "trailers-only"). Whether and when it
  // wants the call again it may say itself, to whoever made it ("pushback").
  if (grpc >= 0)
    return (
      settings.grpcStatuses.includes(grpc) && headerValue(answer.headers, PUSHBACK) === undefined
    );
  return settings.statuses.includes(answer.status) && isIdempotent(head);
}

/** Codes of gRPC that speak against the server: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_FAILURES: ReadonlySet<number> = new Set([2, 4, 13, 14, 15]);

/** Whether `answer`, whose gRPC code is `grpc`, speaks against whoever gave it. */
export function isFailure(answer: AnswerHead, grpc: number): boolean {
  return answer.status >= 500 || isGrpcFailure(grpc);
}

/** Whether `grpc` speaks against the server. */
export function isGrpcFailure(grpc: number): boolean {
  return GRPC_FAILURES.has(grpc);
}

/** The code of gRPC that an answer without content tells at once (trailers-only); -1: it is none. */
export function grpcCode(answer: AnswerHead, end: boolean): number {
  return end && answer.status === 200 ? grpcCodeIn(answer.headers) : -1;
}

/** The code of gRPC that `trailers` tell; -1: none. */
export function grpcCodeIn(trailers: RawHeaders): number {
  const status = headerValue(trailers, 'grpc-status');
  return status === undefined ? -1 : Number(status);
}
