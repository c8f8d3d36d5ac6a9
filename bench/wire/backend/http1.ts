/**
 * Answers HTTP/1.1 on a raw socket: one write for an answer that was made once. No body is expected.
 */
import type { Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { adler32, bulkBody, itemBody, numberOf, requestFields } from '../traffic.ts';

const answers: (Buffer | undefined)[] = [];
const sums = new Map<number, number>();

/** Serves one connection until its end. */
export function serveHttp1(socket: Socket): void {
  let rest = '';
  socket.on('data', (chunk: Buffer) => {
    const text = rest + chunk.toString('latin1');
    let at = 0;
    for (;;) {
      const end = text.indexOf('\r\n\r\n', at);
      if (end < 0) break;
      const path = text.slice(text.indexOf(' ', at) + 1, text.indexOf(' HTTP/', at));
      answer(socket, path);
      if (/\r\nconnection: *close/i.test(text.slice(at, end))) socket.end();
      at = end + 4;
    }
    rest = text.slice(at);
  });
}

function answer(socket: Socket, path: string): void {
  const number = numberOf(path);
  if (number < 0) {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  } else if (path.startsWith('/bulk/')) {
    const body = bulkBody(number);
    const sum = sums.get(number) ?? crc32(body);
    sums.set(number, sum);
    socket.cork();
    socket.write(head(number, body.length, sum));
    socket.write(body);
    socket.uncork();
  } else {
    let bytes = answers[number];
    if (!bytes) {
      const body = itemBody(number);
      bytes = Buffer.concat([Buffer.from(head(number, body.length, adler32(body))), body]);
      answers[number] = bytes;
    }
    socket.write(bytes);
  }
}

function head(number: number, length: number, checksum: number): string {
  const { requestId } = requestFields(number);
  return [
    'HTTP/1.1 200 OK',
    'content-type: application/octet-stream',
    `content-length: ${length}`,
    'cache-control: no-store',
    `etag: "${requestId}"`,
    `x-answer: ${number}`,
    `x-checksum: ${checksum}`,
    '\r\n',
  ].join('\r\n');
}
