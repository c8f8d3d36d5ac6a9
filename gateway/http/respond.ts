/**
 * Answers of the gateway itself: one table entry becomes one answer.
 */
import { ERRORS, type ErrorCode } from '#core/errors.ts';
import { HEADER_ERROR } from '#core/names.ts';
import { type Exchange, headerValue } from './message.ts';

/**
 * Answers `exchange` with the table's status for `code`: JSON with code and message, or, to a gRPC
 * call, a trailers-only answer with the gRPC status (gRPC over HTTP/2, "Responses").
 */
export function respondError(exchange: Exchange, code: ErrorCode, message: string): void {
  const entry = ERRORS[code];
  exchange.body.discard();
  const type = headerValue(exchange.head.headers, 'content-type');
  if (type?.startsWith('application/grpc')) {
    const headers = ['content-type', type, 'grpc-status', String(entry.grpc), 'grpc-message'];
    exchange
      .respond({
        status: 200,
        headers: [...headers, encodeURIComponent(message), HEADER_ERROR, code],
      })
      .end();
    return;
  }
  const body = Buffer.from(`${JSON.stringify({ error: { code, message } })}\n`);
  const headers = ['content-type', 'application/json', 'content-length', String(body.length)];
  if (entry.retryable && entry.http === 503) headers.push('retry-after', '1');
  exchange
    .respond({ status: entry.http || 500, headers: [...headers, HEADER_ERROR, code] })
    .end(exchange.head.method === 'HEAD' ? undefined : body);
}
