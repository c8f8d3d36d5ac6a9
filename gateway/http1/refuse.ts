/**
 * Answers to requests that never became an exchange: JSON with code and message.
 */
import { ERRORS, type ErrorCode } from '#core/errors.ts';
import { HEADER_ERROR } from '#core/names.ts';
import { framingOfLength } from '../wire/http1/message.ts';
import type { Http1Refusal, RuleCode } from '../wire/http1/rules.ts';
import { ALLOWED } from '../wire/http1/target.ts';
import type { Http1Writer } from '../wire/http1/writer.ts';
import { reasonOf } from './reason.ts';

/** Where a more telling status than that of the code exists (RFC 9110 sections 15.5 and 15.6). */
const STATUSES: Partial<Record<RuleCode, number>> = {
  START_LINE_TOO_LONG: 414,
  TRANSFER_ENCODING_UNKNOWN: 501,
  METHOD_UNKNOWN: 501,
  VERSION: 505,
};

/** The status that answers a request which breaks a rule. */
export function statusOf(refusal: Http1Refusal): number {
  return STATUSES[refusal.rule] ?? ERRORS[refusal.code].http;
}

/** Writes a whole answer that is the last of its connection, of `date`; `bodiless`: to HEAD. */
export function writeRefusal(
  writer: Http1Writer,
  status: number,
  code: ErrorCode,
  message: string,
  date: Buffer,
  bodiless = false,
): void {
  const body = Buffer.from(`${JSON.stringify({ error: { code, message } })}\n`);
  const headers = ['content-type', 'application/json', HEADER_ERROR, code];
  // RFC 9110 section 15.5.6.
  if (status === 405) headers.push('allow', ALLOWED);
  if (bodiless) headers.push('content-length', String(body.length));
  const framing = framingOfLength(body.length);
  writer.response(
    status,
    reasonOf(status),
    headers,
    { framing, keepAlive: false, upgrade: '', date },
    bodiless,
  );
  if (!bodiless) writer.body(body);
  writer.end();
}
