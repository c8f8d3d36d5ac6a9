/**
 * Published tricks of request smuggling, as raw requests by the rule that refuses each.
 *
 * From the work on CL.TE, TE.CL, TE.TE and CL.0 desync, on chunk extensions and line ends (TERM.EXT, EXT.TERM), and from
 * the advisories of proxies and servers that read one of these in two ways.
 */
import type { RuleCode } from '#gateway/wire/http1/rules.ts';

const HOST = 'Host: x\r\n';
const P = `POST / HTTP/1.1\r\n${HOST}`;
const C = `${P}Transfer-Encoding: chunked\r\n\r\n`;

export const SMUGGLED: Readonly<Partial<Record<RuleCode, readonly string[]>>> = {
  SPACE_BEFORE_COLON: [
    `${P}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    `${P}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}X Y: z\r\n\r\n`,
    `${C}0\r\nX : a\r\n\r\n`,
  ],
  OBS_FOLD: [
    `${P} Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${P}Transfer-Encoding: chunked\r\n , identity\r\n\r\n`,
    `${P}Content-Length: 5\r\n 0\r\n\r\nhello`,
    `${P}Transfer-Encoding:\r\n\tchunked\r\n\r\n`,
    `${C}0\r\nX: a\r\n b\r\n\r\n`,
  ],
  FIELD_NAME_CHARACTER: [
    `${P}X: y\r\nTransfer\r\n-Encoding: chunked\r\n\r\n`,
    `${P}Transfer-Encoding\0: chunked\r\n\r\n`,
    `${C}0\r\nX\r\n\r\n`,
  ],
  BARE_CR: [
    `${P}X: y\rTransfer-Encoding: chunked\r\n\r\n`,
    `${C}3;a\rb\r\nabc\r\n0\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}\rX`,
    `GET / HTTP/1.1\r\nHost: x\r\r\n\r\n`,
  ],
  BARE_LF: [
    `${P}X: y\nTransfer-Encoding: chunked\r\n\r\n`,
    `${C}3;a\nabc\r\n0\r\n\r\n`,
    `${C}3;a="b\nc"\r\nabc\r\n0\r\n\r\n`,
    `${C}0\n\r\n`,
    `${C}0;\n\r\n`,
    `${C}0\r\nX: a\n\r\n`,
    `${C}0\r\nX: a\r\n\n`,
    `GET / HTTP/1.1\r\n${HOST}\n`,
  ],
  FIELD_VALUE_CHARACTER: [
    `${P}Transfer-Encoding:\x0bchunked\r\n\r\n`,
    `${P}Transfer-Encoding:\x0cchunked\r\n\r\n`,
    `${P}Transfer-Encoding: chunked\0\r\n\r\n`,
  ],
  TRANSFER_ENCODING_UNKNOWN: [
    `${P}Transfer-Encoding: 'chunked'\r\n\r\n`,
    `${P}Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n`,
    `${P}Transfer-Encoding: chunk\r\n\r\n`,
    `${P}Transfer-Encoding: chunked; x=1\r\n\r\n`,
    `${P}Transfer-Encoding: identity, chunked\r\n\r\n`,
    `${P}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `${P}Transfer-Encoding: \xffchunked\r\n\r\n`,
  ],
  CHUNKED_NOT_LAST: [
    `${P}Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n`,
    `${P}Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n`,
  ],
  CONTENT_LENGTH_INVALID: [
    `${P}Content-Length: +5\r\n\r\nhello`,
    `${P}Content-Length: 5 6\r\n\r\nhello`,
    `${P}Content-Length: 5_0\r\n\r\nhello`,
    `${P}Content-Length: 5e0\r\n\r\nhello`,
    `${P}Content-Length: 5.0\r\n\r\nhello`,
    `${P}Content-Length: 18446744073709551621\r\n\r\nhello`,
    `${P}Content-Length: 9223372036854775808\r\n\r\nhello`,
    `${P}Content-Length: \xb2\r\n\r\nhe`,
    `${P}Content-Length: 5;x\r\n\r\nhello`,
    `${P}Content-Length: "5"\r\n\r\nhello`,
    `${P}Content-Length: -0\r\n\r\n`,
  ],
  CONTENT_LENGTH_REPEATED: [
    `${P}Content-Length: 5,6\r\n\r\nhello`,
    `${P}Content-Length: 5\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\nhello`,
  ],
  LENGTH_AND_TRANSFER_ENCODING: [
    `${P}Content-Length: 13\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nSMUGGLED`,
    `${P}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n`,
  ],
  TRANSFER_ENCODING_VERSION: [
    `POST / HTTP/1.0\r\n${HOST}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  VERSION: [
    'GET http://x/\r\n\r\n',
    'GET / HTTP/0.9\r\n\r\n',
    `GET / HTTP/1.10\r\n${HOST}\r\n`,
    `GET / HTTP/01.1\r\n${HOST}\r\n`,
    `GET HTTP/1.1\r\n${HOST}\r\n`,
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
  ],
  REQUEST_LINE_SPACE: [`GET / HTTP/1.1 HTTP/1.1\r\n${HOST}\r\n`],
  METHOD_CHARACTER: [
    `GET\t/\tHTTP/1.1\r\n${HOST}\r\n`,
    `\xef\xbb\xbfGET / HTTP/1.1\r\n${HOST}\r\n`,
    `\x16\x03\x01\x02\x00`,
  ],
  HOST_REPEATED: [`GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`],
  HOST_INVALID: [
    `GET / HTTP/1.1\r\nHost: a, b\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a@b\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a/b\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n`,
  ],
  TARGET_HOST_MISMATCH: [
    `GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n`,
    `GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n`,
  ],
  TARGET_FORM: [
    `GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n`,
    `GET http:///x HTTP/1.1\r\n${HOST}\r\n`,
  ],
  CHUNK_EXTENSION_INVALID: [
    `${C}3;a="\r\nabc\r\n0\r\n\r\n`,
    `${C}3;\r\nabc\r\n0\r\n\r\n`,
    `${C}3;a=\0\r\nabc\r\n0\r\n\r\n`,
  ],
  CHUNK_SIZE_INVALID: [
    `${C}3 \r\nabc\r\n0\r\n\r\n`,
    `${C}3\t\r\nabc\r\n0\r\n\r\n`,
    `${C} 3\r\nabc\r\n0\r\n\r\n`,
    `${C}0x3\r\nabc\r\n0\r\n\r\n`,
    `${C}-1\r\nabc\r\n0\r\n\r\n`,
    `${C}+3\r\nabc\r\n0\r\n\r\n`,
    `${C}3_0\r\nabc\r\n0\r\n\r\n`,
    `${C}3,a\r\nabc\r\n0\r\n\r\n`,
  ],
  CHUNK_SIZE_OVERFLOW: [
    `${C}10000000000000003\r\nabc\r\n0\r\n\r\n`,
    `${C}20000000000000\r\nabc`,
    `${C}${'0'.repeat(1000)}3\r\nabc\r\n0\r\n\r\n`,
  ],
  CHUNK_END: [
    `${C}3\r\nabcX\n0\r\n\r\n`,
    `${C}3\r\nabcXX0\r\n\r\n`,
    `${C}3\r\nabc\n0\r\n\r\n`,
    `${C}3\r\nabc\r0\r\n\r\n`,
  ],
  EARLY_END: [`${C}0\r\n\r\nX`],
  METHOD_UNKNOWN: [
    `${P}Content-Length: 0\r\n\r\nGPOST / HTTP/1.1\r\n${HOST}\r\n`,
    `post / HTTP/1.1\r\n${HOST}\r\n`,
  ],
  TRAILER_FORBIDDEN: [
    `${C}0\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `${C}0\r\nContent-Length: 5\r\n\r\n`,
    `${C}0\r\nHost: y\r\n\r\n`,
    `${C}0\r\nConnection: close\r\n\r\n`,
  ],
  TARGET_CHARACTER: [`GET /\0 HTTP/1.1\r\n${HOST}\r\n`],
};

/** What looks like a trick and is none: the names mean nothing here, and framing is not told by Connection. */
export const HARMLESS: readonly string[] = [
  `${P}Transfer_Encoding: chunked\r\n\r\n`,
  `${P}Content_Length: 9\r\nContent-Length: 0\r\n\r\n`,
  `${P}Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello`,
  `${P}Connection: close, Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
];
