/**
 * One minimal example for every rule of the HTTP/1 codec, and the tricks of request smuggling.
 */
import type { Role, RuleCode } from '#gateway/wire/http1/rules.ts';
import { HARMLESS, SMUGGLED } from './http1-smuggling.ts';

/** Bytes, and the rule that refuses them; `undefined`: they are accepted. */
export interface Example {
  readonly role: Role;
  readonly bytes: string;
  readonly rule: RuleCode | undefined;
  /** Method of the request that a response answers; absent: none is outstanding. */
  readonly asked?: string;
  readonly upgrade?: boolean;
}

const HOST = 'Host: x\r\n';
const POST = `POST / HTTP/1.1\r\n${HOST}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

function request(rule: RuleCode | undefined, bytes: string): Example {
  return { role: 'request', bytes, rule };
}

function field(rule: RuleCode, line: string): Example {
  return request(rule, `GET / HTTP/1.1\r\n${HOST}${line}\r\n\r\n`);
}

function response(rule: RuleCode | undefined, bytes: string, asked = 'GET'): Example {
  return { role: 'response', bytes, rule, asked };
}

export const REFUSED: readonly Example[] = [
  request('LEADING_EMPTY_LINES', `\r\n\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`),
  response('LEADING_EMPTY_LINES', '\r\nHTTP/1.1 204 \r\n\r\n'),
  request('BARE_CR', `GET / HTTP/1.1\r${HOST}\r\n`),
  request('BARE_CR', `GET / HTTP/1.1\r\n${HOST}X: a\rY: b\r\n\r\n`),
  request('BARE_LF', `GET / HTTP/1.1\n${HOST}\r\n`),
  request('BARE_LF', 'GET / HTTP/1.1\r\nHost: x\n\n'),
  request('BARE_LF', `${CHUNKED}3\nabc\r\n0\r\n\r\n`),
  request('WHITESPACE_BEFORE_FIELDS', `GET / HTTP/1.1\r\n ${HOST}\r\n`),
  request('START_LINE_TOO_LONG', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`),
  request('METHOD_CHARACTER', `G(T / HTTP/1.1\r\n${HOST}\r\n`),
  request('METHOD_CHARACTER', ` GET / HTTP/1.1\r\n${HOST}\r\n`),
  request('METHOD_UNKNOWN', `get / HTTP/1.1\r\n${HOST}\r\n`),
  request('REQUEST_LINE_SPACE', `GET  / HTTP/1.1\r\n${HOST}\r\n`),
  request('REQUEST_LINE_SPACE', `GET /  HTTP/1.1\r\n${HOST}\r\n`),
  request('REQUEST_LINE_SPACE', `GET / HTTP/1.1 \r\n${HOST}\r\n`),
  request('TARGET_SPACE', `GET /a b HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_CHARACTER', `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_CHARACTER', `GET /\0 HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_FRAGMENT', `GET /a#b HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_ASTERISK', `GET * HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_AUTHORITY', `CONNECT / HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_AUTHORITY', `CONNECT x HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_FORM', `GET x:80 HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_FORM', `GET ftp://x/ HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_FORM', `GET http://u@x/ HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_HOST_MISMATCH', `GET http://y/ HTTP/1.1\r\n${HOST}\r\n`),
  request('VERSION', `GET / HTTP/2.0\r\n${HOST}\r\n`),
  request('VERSION', `GET / http/1.1\r\n${HOST}\r\n`),
  request('VERSION', 'GET /\r\n'),
  response('STATUS_CODE', 'HTTP/1.1 099 X\r\n\r\n'),
  response('STATUS_CODE', 'HTTP/1.1 2000 X\r\n\r\n'),
  response('REASON_CHARACTER', 'HTTP/1.1 204 a\x01\r\n\r\n'),
  field('FIELD_NAME_EMPTY', ': a'),
  field('FIELD_NAME_CHARACTER', 'X(: a'),
  field('FIELD_NAME_CHARACTER', 'nocolon'),
  field('FIELD_NAME_CHARACTER', 'Content-Length\x0b: 5'),
  field('SPACE_BEFORE_COLON', 'X : a'),
  field('SPACE_BEFORE_COLON', 'Content-Length\t: 5'),
  field('OBS_FOLD', 'X: a\r\n b'),
  field('OBS_FOLD', 'Transfer-Encoding:\r\n chunked'),
  field('FIELD_VALUE_CHARACTER', 'X: a\0b'),
  field('FIELD_VALUE_CHARACTER', 'X: a\x7f'),
  field('FIELD_VALUE_CHARACTER', 'Transfer-Encoding: \x0bchunked'),
  field('FIELDS_TOO_MANY', 'A: b\r\n'.repeat(128)),
  field('HEAD_TOO_LARGE', `X: ${'a'.repeat(65_536)}`),
  request('HOST_MISSING', 'GET / HTTP/1.1\r\n\r\n'),
  field('HOST_REPEATED', 'Host: x'),
  request('HOST_INVALID', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'),
  request('HOST_INVALID', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'),
  request('HOST_INVALID', 'GET / HTTP/1.1\r\nHost: x:99999\r\n\r\n'),
  ...['+5', '-5', '0x5', '5 5', '', '5a', '99999999999999999'].map((value) =>
    field('CONTENT_LENGTH_INVALID', `Content-Length: ${value}`),
  ),
  field('CONTENT_LENGTH_REPEATED', 'Content-Length: 5\r\nContent-Length: 5'),
  field('CONTENT_LENGTH_REPEATED', 'Content-Length: 5\r\ncontent-length: 6'),
  field('CONTENT_LENGTH_REPEATED', 'Content-Length: 5, 5'),
  response('CONTENT_LENGTH_FORBIDDEN', 'HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n'),
  // CL.TE and TE.CL: a front and a back that each believe another one of the two.
  field('LENGTH_AND_TRANSFER_ENCODING', 'Content-Length: 6\r\nTransfer-Encoding: chunked'),
  field('LENGTH_AND_TRANSFER_ENCODING', 'Transfer-Encoding: chunked\r\nContent-Length: 4'),
  // TE.TE: codings that one of the two does not recognise.
  ...['xchunked', 'identity', 'gzip, chunked', '"chunked"', 'chunked;q=1', '', '\xa0chunked'].map(
    (value) => field('TRANSFER_ENCODING_UNKNOWN', `Transfer-Encoding: ${value}`),
  ),
  field('TRANSFER_ENCODING_REPEATED', 'Transfer-Encoding: chunked, chunked'),
  field('TRANSFER_ENCODING_REPEATED', 'Transfer-Encoding: chunked\r\nTransfer-encoding: chunked'),
  field('CHUNKED_NOT_LAST', 'Transfer-Encoding: chunked, identity'),
  field('CHUNKED_NOT_LAST', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: cow'),
  request('TRANSFER_ENCODING_VERSION', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  response('TRANSFER_ENCODING_FORBIDDEN', 'HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n'),
  request('CONNECT_CONTENT', 'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\nContent-Length: 5\r\n\r\n'),
  ...['-3', '+3', '0x3', ' 3', '3 ', '', 'g', ';a', '3 ;a'].map((size) =>
    request('CHUNK_SIZE_INVALID', `${CHUNKED}${size}\r\nabc\r\n0\r\n\r\n`),
  ),
  request('CHUNK_SIZE_OVERFLOW', `${CHUNKED}ffffffffffffffff3\r\nabc\r\n0\r\n\r\n`),
  request('CHUNK_SIZE_OVERFLOW', `${CHUNKED}${'0'.repeat(20)}\r\n\r\n`),
  request('CHUNK_EXTENSION_INVALID', `${CHUNKED}3;\r\nabc\r\n0\r\n\r\n`),
  request('CHUNK_EXTENSION_INVALID', `${CHUNKED}3; a\r\nabc\r\n0\r\n\r\n`),
  request('BARE_LF', `${CHUNKED}3;a\nabc\r\n0\r\n\r\n`),
  request('CHUNK_EXTENSION_TOO_LONG', `${CHUNKED}3;${'a'.repeat(5_000)}\r\nabc\r\n0\r\n\r\n`),
  request('CHUNK_END', `${CHUNKED}3\r\nabcd\r\n0\r\n\r\n`),
  request('CHUNK_END', `${CHUNKED}3\r\nabc\n0\r\n\r\n`),
  request('TRAILER_FORBIDDEN', `${CHUNKED}0\r\nContent-Length: 5\r\n\r\n`),
  request('TRAILER_FORBIDDEN', `${CHUNKED}0\r\nauthorization: a\r\n\r\n`),
  request('TRAILER_TOO_LARGE', `${CHUNKED}0\r\nX: ${'a'.repeat(16_384)}\r\n\r\n`),
  request('DATA_AFTER_CLOSE', `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\nG`),
  request('DATA_AFTER_CLOSE', 'GET / HTTP/1.0\r\n\r\nG'),
  { role: 'response', bytes: 'HTTP/1.1 204 \r\n\r\n', rule: 'RESPONSE_UNEXPECTED' },
  // A response split in two: the second was never asked for.
  response('RESPONSE_UNEXPECTED', 'HTTP/1.1 204 \r\n\r\nHTTP/1.1 204 \r\n\r\n'),
  response('SWITCH_UNASKED', 'HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  { ...response('SWITCH_UNNAMED', 'HTTP/1.1 101 \r\n\r\n'), upgrade: true },
  field('CONTENT_LENGTH_INVALID', 'Content-Length: 5\t'),
  field('TRANSFER_ENCODING_UNKNOWN', 'Transfer-Encoding: chunked\t'),
  // What llhttp lets pass of rules that it has, too.
  request('BARE_CR', '\r\r'),
  request('BARE_LF', `\nGET / HTTP/1.1\r\n${HOST}\r\n`),
  request('TARGET_SPACE', `SOURCE / ICE/1.0\r\n${HOST}\r\n`),
  response('CHUNKED_NOT_LAST', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked,\r\n\r\n'),
  request('CHUNK_EXTENSION_INVALID', `${CHUNKED}3;=\r\nabc\r\n0\r\n\r\n`),
  response('CONTENT_LENGTH_INVALID', 'HTTP/1.1 200 OK\r\nContent-Length: 2\t\r\n\r\nab'),
  request('DATA_AFTER_CLOSE', 'GET / HTTP/1.0\r\n\r\n\r\n'),
  { ...response('SWITCH_UNNAMED', 'HTTP/1.1 101 \r\n\r\nraw'), upgrade: true },
  response(
    'TRANSFER_ENCODING_REPEATED',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n',
    'HEAD',
  ),
  response('TRANSFER_ENCODING_UNKNOWN', 'HTTP/1.1 304 \r\nTransfer-Encoding: gzip\r\n\r\n'),
  request(
    'TRANSFER_ENCODING_VERSION',
    'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
  request('EARLY_END', `GET / HTTP/1.1\r\n${HOST}\r\n\r`),
  { ...response('SWITCH_UNASKED', 'HTTP/1.0 101 \r\n\r\nraw'), upgrade: true },
  request('EARLY_END', 'GET / HT'),
  request('EARLY_END', `${POST}Content-Length: 5\r\n\r\nabc`),
  response('EARLY_END', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab'),
  ...Object.entries(SMUGGLED).flatMap(([rule, list]) =>
    list.map((bytes) => request(rule as RuleCode, bytes)),
  ),
];

export const ACCEPTED: readonly Example[] = [
  ...HARMLESS.map((bytes) => request(undefined, bytes)),
  request(undefined, `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`),
  request(undefined, `${POST}Content-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\n${HOST}\r\n`),
  request(
    undefined,
    `${CHUNKED}3;a=b;c="d\\"e"\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\n`,
  ),
  request(undefined, `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`),
  request(undefined, 'CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n'),
  request(undefined, `GET http://X:80?q HTTP/1.1\r\n${HOST}\r\n`),
  request(undefined, `GET / HTTP/1.1\r\n${HOST}X:\t caf\xe9  \r\nY:\r\n\r\n`),
  request(undefined, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n'),
  response(
    undefined,
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab',
  ),
  response(undefined, 'HTTP/1.1 200\r\n\r\nuntil the end'),
  response(undefined, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 'HEAD'),
  response(undefined, 'HTTP/1.1 304 \r\nContent-Length: 2\r\n\r\n'),
  response(undefined, 'HTTP/1.1 200 OK\r\n\r\nraw', 'CONNECT'),
  {
    ...response(undefined, 'HTTP/1.1 101 \r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\nraw'),
    upgrade: true,
  },
];
