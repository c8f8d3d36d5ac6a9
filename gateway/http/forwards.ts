/**
 * `Max-Forwards` (RFC 9110 section 7.6.2): how many more times OPTIONS and TRACE may be sent on. pure but for the answer
 *
 * The two gateways of a request are one intermediary to its client, so the near one counts, alone. Of any other method
 * the field means nothing and passes as it is.
 */
import { ALLOWED } from '../wire/http1/target.ts';
import type { Exchange } from './exchange.ts';
import type { RawHeaders } from './message.ts';
import { respondError } from './respond.ts';

const NAME = 'max-forwards';
const DIGITS = /^[0-9]+$/;
/** More hops are of no use to anybody; what is asked for beyond is this (section 7.6.2, "maximum supported value"). */
export const FORWARDS_MAX = 255;

/** What a TRACE is told that must go no further. */
const ALLOWED_HERE = ALLOWED.split(', ')
  .filter((each) => each !== 'TRACE')
  .join(', ');

/** Whether the field bounds a request of `method`. */
export function countsForwards(method: string): boolean {
  return method === 'OPTIONS' || method === 'TRACE';
}

/**
 * The fields with which a request whose fields are `headers`, which name {@link NAME}, travels on; `undefined`: it does
 * not, for it is answered here.
 */
export function forwarded(exchange: Exchange, headers: RawHeaders): RawHeaders | undefined {
  const at = placeOf(headers, 0);
  const value = headers[at + 1] ?? '';
  if (!DIGITS.test(value) || placeOf(headers, at + 2) < headers.length) {
    // Two that differ, or what is no number: one who reads the other would go further than was asked for.
    respondError(exchange, 'BAD_REQUEST', `Max-Forwards must be one whole number, not ${value}`);
    return undefined;
  }
  const left = Math.min(Number(value), FORWARDS_MAX + 1) - 1;
  if (left < 0) {
    answerAsLast(exchange);
    return undefined;
  }
  const list = [...headers];
  list[at + 1] = String(left);
  return list;
}

/** Where the field stands next, from `from` on; behind the end: nowhere. */
function placeOf(headers: RawHeaders, from: number): number {
  let at = from;
  while (at < headers.length && headers[at] !== NAME) at += 2;
  return at;
}

/**
 * Answers as the final recipient: what the gateway serves, or that it does not play a TRACE back (section 9.3.8), for
 * nobody knows which of its fields are secrets.
 */
function answerAsLast(exchange: Exchange): void {
  exchange.discard();
  const traces = exchange.head.method === 'TRACE';
  const headers = ['allow', traces ? ALLOWED_HERE : ALLOWED];
  const status = traces ? 405 : 200;
  exchange.answer({ status, headers, upgrade: '', length: 0 }, true);
}
