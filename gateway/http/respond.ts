/**
 * Answers of the gateway itself: one table entry becomes one answer.
 */
import { ERRORS, type ErrorCode } from '#core/errors.ts';
import { HEADER_ATTEMPTS, HEADER_ERROR } from '#core/names.ts';
import { ALLOWED } from '../wire/http1/target.ts';
import type { Exchange } from './exchange.ts';
import { headerValue } from './message.ts';

/**
 * Answers `exchange` with the table's status for `code`: JSON with code and message, or, to a gRPC
 * call, a trailers-only answer with the gRPC status (gRPC over HTTP/2, "Responses").
 * `requestEnded`: all of the request's content has come; else the rest of it is dropped. `attempts`: how
 * often it was tried in vain, which a gateway that asked us counts as its own attempts. Returns the status.
 */
export function respondError(
  exchange: Exchange,
  code: ErrorCode,
  message: string,
  requestEnded = false,
  attempts = 1,
): number {
  const entry = ERRORS[code];
  const { head } = exchange;
  // First, so that the answer can say whether another request may follow it.
  if (!requestEnded) exchange.discard();
  const type = headerValue(head.headers, 'content-type');
  if (type?.startsWith('application/grpc')) {
    const headers = ['content-type', type, 'grpc-status', String(entry.grpc), 'grpc-message'];
    headers.push(encodeURIComponent(message), HEADER_ERROR, code);
    if (attempts > 1) headers.push(HEADER_ATTEMPTS, String(attempts));
    exchange.answer({ status: 200, headers, upgrade: '', length: 0 }, true);
    return 200;
  }
  const body = Buffer.from(`${JSON.stringify({ error: { code, message } })}\n`);
  const headers = ['content-type', 'application/json', 'content-length', String(body.length)];
  if (entry.retryable && (entry.http === 503 || entry.http === 429))
    headers.push('retry-after', '1');
  // RFC 9110 section 15.5.6.
  if (entry.http === 405) headers.push('allow', ALLOWED);
  headers.push(HEADER_ERROR, code);
  if (attempts > 1) headers.push(HEADER_ATTEMPTS, String(attempts));
  const bodiless = head.method === 'HEAD';
  const length = bodiless ? 0 : body.length;
  const status = entry.http || 500;
  exchange.answer({ status, headers, upgrade: '', length }, bodiless);
  if (!bodiless) exchange.body(body, 0, body.length, true);
  return status;
}
