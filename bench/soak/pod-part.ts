/**
 * The pods of the soak: an HTTP/1 server that answers at once, at length, or never.
 *
 * `/hold` answers nothing, `/stream` a head and then nothing; `/bytes/N` so many bytes; `/sink` reads at
 * 20 MB/s; everything else a few bytes.
 */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerQuestions } from './answers.ts';

const BLOCK = Buffer.alloc(64 * 1024, 0x61);
const SLOW_BYTES_PER_MS = 20_000;
/** Requests that are answered by nothing, now. */
let held = 0;

/** Serves until the soak ends. */
export function begin(): void {
  const server = http.createServer(serve);
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  answerQuestions({
    async start() {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 4_096, resolve));
      return (server.address() as AddressInfo).port;
    },
    held: () => held,
  });
}

function serve(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { url = '/' } = request;
  if (url === '/hold') {
    held += 1;
    response.once('close', () => {
      held -= 1;
    });
    return;
  }
  if (url === '/stream') {
    response.writeHead(200).flushHeaders();
    return;
  }
  if (url.startsWith('/bytes/')) {
    const bytes = Number(url.slice('/bytes/'.length));
    response.writeHead(200, { 'content-length': String(bytes) });
    send(response, bytes);
    return;
  }
  if (url === '/sink') {
    readSlowly(request, () => response.end('read\n'));
    return;
  }
  request.resume();
  request.on('end', () => response.end('soak\n'));
}

function send(response: http.ServerResponse, bytes: number): void {
  let left = bytes;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      const size = Math.min(left, BLOCK.length);
      left -= size;
      if (!response.write(BLOCK.subarray(0, size))) break;
    }
    if (left === 0) response.end();
  };
  response.on('drain', more);
  more();
}

/** Reads no faster than {@link SLOW_BYTES_PER_MS}. */
export function readSlowly(stream: NodeJS.ReadableStream, done: () => void): void {
  const startMs = performance.now();
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    const aheadMs = bytes / SLOW_BYTES_PER_MS - (performance.now() - startMs);
    if (aheadMs < 5) return;
    stream.pause();
    setTimeout(() => stream.resume(), aheadMs);
  });
  stream.on('end', done);
}
