/**
 * Inputs for the HTTP/1 fuzzer: messages of a grammar that knows the usual tricks, then mutated bytes.
 */
import { below, type Random } from '#core/random.ts';
import type { FuzzInput } from './http1-run.ts';

const NAMES =
  'Host Content-Length Transfer-Encoding Connection Upgrade Expect X-A Cookie Accept TE Proxy-Connection Trailer content-length x'.split(
    ' ',
  );
const LENGTHS = [
  '0',
  '3',
  '5',
  '5',
  '10',
  '+5',
  '5, 5',
  '0x5',
  '5 5',
  '',
  '-1',
  '99999999999999999999',
  '005',
];
const CODINGS = [
  'chunked',
  'chunked',
  'Chunked',
  'gzip, chunked',
  'chunked, gzip',
  'chunked, chunked',
  'identity',
  'xchunked',
  '\x0bchunked',
  'chunked ',
  '',
];
const CONNECTIONS = [
  'close',
  'keep-alive',
  'upgrade',
  'Upgrade, close',
  'keep-alive, close',
  'x, Keep-Alive',
  'close, ,',
  'closed',
];
const HOSTS = ['x', 'a.example:80', '[::1]:8080', '', 'a b', 'a@b', 'x:99999', 'a/b'];
const VALUES = [
  '',
  'a',
  'a b',
  ' padded ',
  '\ttab\t',
  'caf\xe9',
  'nul\0',
  'cr\rx',
  'del\x7f',
  'websocket',
  '100-continue',
  'a\n b',
];
const TARGETS = [
  '/',
  '/a?b=c',
  '*',
  'http://x/',
  'http://x',
  'HTTPS://x?q',
  'x:443',
  '/a#f',
  '/a b',
  'a',
  '/\xe9',
  '//',
  '/"<>',
  'http://u@x/',
  'ftp://x/',
  '?',
];
const METHODS = [
  'GET',
  'POST',
  'HEAD',
  'OPTIONS',
  'CONNECT',
  'PUT',
  'M-SEARCH',
  'get',
  'FOO',
  'PRI',
  'QUERY',
  'SOURCE',
  'DESCRIBE',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.2',
  'ICE/1.0',
  'HTTP/1.1 ',
];
const STATUS = [
  '200',
  '200',
  '204',
  '304',
  '100',
  '101',
  '103',
  '404',
  '500',
  '099',
  '999',
  '20',
  '2000',
];
const SIZES = [
  '0',
  '3',
  '5',
  'a',
  'A',
  '00',
  '0x3',
  '-1',
  ' 3',
  '3 ',
  'fffffffffffffffff',
  '',
  '3;a',
  '3;a=b',
  '3;a="b;c"',
  '3; a',
  '3;a=',
  '3;',
  '3;a="\\"";b',
  'g',
];
const ENDS = [
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\n',
  '\r',
  '\r\r\n',
  ' \r\n',
  '\r\n ',
];
const BYTES = [0, 9, 10, 11, 13, 32, 34, 35, 44, 48, 53, 58, 59, 61, 92, 97, 127, 128, 255];

/** The next input. */
export function nextInput(random: Random): FuzzInput {
  const role = random.next() < 0.6 ? 'request' : 'response';
  const methods = Array.from({ length: 8 }, () =>
    pick(random, ['GET', 'GET', 'GET', 'HEAD', 'CONNECT']),
  );
  let text = '';
  const wild = random.next() < 0.5 ? 0 : 0.12;
  let last = '';
  for (let count = 1 + below(random, 3); count > 0; count -= 1) {
    // A message may come again: what a parser remembers of the last one must not matter.
    if (last === '' || below(random, 4) > 0) last = message(random, role, wild);
    text += last;
  }
  const bytes = Buffer.from(text, 'latin1');
  return { role, methods, bytes: random.next() < 0.5 ? bytes : mutate(random, bytes) };
}

/** Up to five places to cut `length` bytes, in order. */
export function nextCuts(random: Random, length: number): number[] {
  return Array.from({ length: below(random, 6) }, () => below(random, length + 1)).sort(
    (a, b) => a - b,
  );
}

function message(random: Random, role: 'request' | 'response', wild: number): string {
  const odd = () => random.next() < wild;
  const end = () => (odd() ? pick(random, ENDS) : '\r\n');
  const version = odd() ? pick(random, VERSIONS) : random.next() < 0.9 ? 'HTTP/1.1' : 'HTTP/1.0';
  let text = odd() ? pick(random, ['\r\n', '\n', ' ', '\r\n\r\n\r\n']) : '';
  if (role === 'request') {
    const method = random.next() < 0.25 ? pick(random, METHODS) : pick(random, ['GET', 'POST']);
    const target = random.next() < 0.2 ? pick(random, TARGETS) : '/';
    text += `${method}${odd() ? '  ' : ' '}${target} ${version}${end()}Host:${odd() ? pick(random, HOSTS) : ' x'}${end()}`;
  } else {
    const status = random.next() < 0.4 ? pick(random, STATUS) : '200';
    text += `${version} ${status}${pick(random, [' OK', ' OK', ' ', '', ' \xe9', odd() ? ' a\x01' : ' x'])}${end()}`;
  }
  for (let count = below(random, 4); count > 0; count -= 1) text += field(random, wild) + end();
  const kind = below(random, 4);
  if (kind === 0) return `${text}Content-Length: 5${end()}${end()}hello`;
  if (kind === 1) return `${text}Transfer-Encoding: chunked${end()}${end()}${chunks(random, wild)}`;
  return text + end();
}

function field(random: Random, wild: number): string {
  const name =
    random.next() < wild * 2
      ? pick(random, NAMES)
      : pick(random, ['X-A', 'Accept', 'Connection', 'Upgrade', 'Expect']);
  const lower = name.toLowerCase();
  const values =
    lower === 'content-length'
      ? LENGTHS
      : lower === 'transfer-encoding'
        ? CODINGS
        : lower === 'connection' || lower === 'proxy-connection'
          ? CONNECTIONS
          : lower === 'host'
            ? HOSTS
            : VALUES;
  const colon =
    random.next() < wild ? pick(random, [' :', '\t:', '', ':\t', ': ', ':\r\n ']) : ': ';
  const value =
    values === VALUES && random.next() >= wild * 2
      ? pick(random, ['a', 'a b', '', 'websocket', '100-continue'])
      : pick(random, values);
  return (random.next() < wild / 4 ? '' : name) + colon + value;
}

function chunks(random: Random, wild: number): string {
  const odd = () => random.next() < wild;
  const end = () => (odd() ? pick(random, ENDS) : '\r\n');
  let text = '';
  for (let count = below(random, 3); count > 0; count -= 1) {
    text += `${odd() ? pick(random, SIZES) : '3'}${odd() ? ';a=b' : ''}${end()}abc${end()}`;
  }
  text += `0${end()}`;
  if (random.next() < 0.3) text += field(random, wild) + end();
  return text + end();
}

function mutate(random: Random, bytes: Buffer): Buffer {
  let result = bytes;
  for (let count = 1 + below(random, 3); count > 0; count -= 1) {
    const at = below(random, result.length + 1);
    const before = result.subarray(0, at);
    const kind = below(random, 4);
    if (kind === 0)
      result = Buffer.concat([before, Buffer.of(pick(random, BYTES)), result.subarray(at)]);
    else if (kind === 1)
      result = Buffer.concat([before, result.subarray(at + 1 + below(random, 3))]);
    else if (kind === 2)
      result = Buffer.concat([before, Buffer.of(pick(random, BYTES)), result.subarray(at + 1)]);
    else {
      const from = below(random, result.length + 1);
      result = Buffer.concat([
        before,
        result.subarray(from, from + below(random, 20)),
        result.subarray(at),
      ]);
    }
  }
  return result;
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[below(random, list.length)] as T;
}
