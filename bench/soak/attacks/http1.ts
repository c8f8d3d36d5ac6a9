/** What clients that speak HTTP/1 can do. */
import { type Attack, connect, drip, hold, pump, type Target } from './attack.ts';

const HEAD = 'GET / HTTP/1.1\r\nhost: soak\r\n';
const PIPELINE = Buffer.from(`${HEAD}\r\n`.repeat(512));
const EXTENSION = Buffer.from(`1;${'a'.repeat(30)}=${'b'.repeat(30)}\r\nx\r\n`.repeat(100));

/** Every attack of this kind. */
export const HTTP1_ATTACKS: readonly Attack[] = [
  {
    name: 'slow heads',
    source: 'http1',
    rules: ['SLOW_HEAD'],
    ripensMs: 11_000,
    begin: (target) =>
      hold(2_000, open(target), (socket) => {
        socket.resume();
        socket.write(HEAD);
        drip(socket, 2_000, () => 'x-slow: 1\r\n');
      }),
  },
  {
    name: 'slow first lines',
    source: 'http1',
    rules: ['SLOW_HEAD'],
    ripensMs: 14_000,
    begin: (target) =>
      hold(500, open(target), (socket) => {
        socket.resume();
        socket.write('GET /slow');
        drip(socket, 2_000, () => 'w');
      }),
  },
  {
    name: 'slow bodies',
    source: 'http1',
    rules: ['SLOW_BODY'],
    ripensMs: 62_000,
    begin: (target) =>
      hold(2_000, open(target), (socket) => {
        socket.resume();
        socket.write('POST / HTTP/1.1\r\nhost: soak\r\ncontent-length: 100000\r\n\r\nx');
      }),
  },
  {
    name: 'oversized heads',
    source: 'http1',
    rules: ['HEAD_TOO_LARGE', 'FIELDS_TOO_MANY'],
    begin: (target) =>
      hold(32, open(target), (socket) => {
        socket.resume();
        socket.write(HEAD);
        pump(socket, () => Buffer.from(`x-large: ${'x'.repeat(8_000)}\r\n`));
      }),
  },
  {
    name: 'pipelining flood',
    source: 'http1',
    rules: [],
    begin: (target) =>
      hold(16, open(target), (socket) => {
        socket.resume();
        pump(socket, () => PIPELINE);
      }),
  },
  {
    name: 'chunk extensions',
    source: 'http1',
    rules: ['CHUNK_EXTENSION_TOO_LONG'],
    begin: (target) =>
      hold(32, open(target), (socket) => {
        socket.resume();
        socket.write('POST / HTTP/1.1\r\nhost: soak\r\ntransfer-encoding: chunked\r\n\r\n');
        pump(socket, () => EXTENSION);
      }),
  },
  {
    name: 'tiny chunks',
    source: 'http1',
    rules: [],
    begin: (target) =>
      hold(4, open(target), (socket) => {
        socket.resume();
        socket.write('POST / HTTP/1.1\r\nhost: soak\r\ntransfer-encoding: chunked\r\n\r\n');
        pump(socket, () => Buffer.from('1\r\nx\r\n'.repeat(1_000)));
      }),
  },
  {
    name: 'slow readers',
    source: 'http1',
    rules: ['SLOW_READER'],
    ripensMs: 63_000,
    begin: (target) =>
      hold(300, open(target), (socket) => {
        socket.pause();
        socket.write('GET /bytes/100000000 HTTP/1.1\r\nhost: soak\r\n\r\n');
      }),
  },
  {
    name: 'malformed requests',
    source: 'http1',
    rules: ['LENGTH_AND_TRANSFER_ENCODING', 'SPACE_BEFORE_COLON'],
    begin: (target) =>
      hold(32, open(target), (socket) => {
        socket.resume();
        socket.write(`${HEAD}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`);
      }),
  },
  {
    name: 'resets',
    source: 'http1',
    rules: [],
    begin: (target) =>
      hold(64, open(target), (socket) => {
        socket.write(`${HEAD}\r\n`);
        setImmediate(() => socket.resetAndDestroy());
      }),
  },
];

function open(target: Target) {
  return () => connect(target);
}
