/** Which protocol the first bytes are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detect, PEEK_BYTES_MAX } from '#gateway/listener/detect.ts';

test('detect() tells HTTP/1, HTTP/2 and everything else from the first bytes', () => {
  const check = (bytes: string, expected: string) =>
    assert.equal(detect(Buffer.from(bytes, 'latin1')), expected, JSON.stringify(bytes));
  check('GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'http1');
  check('OPTIONS * HTTP/1.1\r\n', 'http1');
  check('PROPFIND /x HTTP/1.0\r\n', 'http1');
  check('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2');
  check('PRI * HT', 'undecided');
  check('', 'undecided');
  check('G', 'undecided');
  check('GET /a', 'undecided');
  check('\x16\x03\x01\x02\x00', 'opaque');
  check('*1\r\n$4\r\nPING\r\n', 'opaque');
  check('\r\n', 'undecided');
  check('\r\n\r', 'undecided');
  check('\r\nGET / HTTP/1.1\r\n', 'http1');
  check('\r\nQUIT\r\n', 'opaque');
  check('\r\n\r\n\0\r\nQUIT\n', 'opaque');
  check('get / HTTP/1.1\r\n', 'opaque');
  check('SSH-2.0-OpenSSH_9.2\r\n', 'opaque');
  check('EHLO mail.example\r\n', 'opaque');
  check('A'.repeat(30), 'opaque');
  check(`GET /${'a'.repeat(PEEK_BYTES_MAX)}`, 'http1');
});
