/** Honest clients in numbers: idle connections, open streams, one large body each way. */
import http from 'node:http';
import net from 'node:net';
import { answerQuestions } from './answers.ts';
import { Frames } from './attacks/frames.ts';
import { readSlowly } from './pod-part.ts';

/** So many of something, at a listener. */
export interface Crowd {
  readonly host: string;
  readonly port: number;
  readonly count: number;
}

const BATCH = 200;
const STREAMS_PER_CONNECTION = 100;
const BLOCK = Buffer.alloc(64 * 1024, 0x61);

/** Serves until the soak ends. */
export function begin(): void {
  const sockets: net.Socket[] = [];
  answerQuestions({
    async idle({ host, port, count }: Crowd) {
      for (let at = 0; at < count; at += BATCH) {
        const from = (each: number) => `127.0.0.${10 + ((at + each) % 8)}`;
        const batch = Array.from({ length: Math.min(BATCH, count - at) }, (_, each) =>
          askOnce(net.connect({ host, port, localAddress: from(each) })),
        );
        sockets.push(...(await Promise.all(batch)));
      }
    },
    streams({ host, port, count }: Crowd) {
      for (let at = 0; at < count; at += STREAMS_PER_CONNECTION) {
        const socket = net.connect({ host, port, localAddress: '127.0.0.20' });
        const frames = new Frames(['user-agent', 'soak', 'x-request', `${at}`]);
        socket.resume();
        socket.write(frames.preface().settingsAck().take());
        socket.write(
          frames.times(STREAMS_PER_CONNECTION, () => frames.request('GET', '/hold', true)),
        );
        sockets.push(socket);
      }
    },
    bodies: ({ host, port, count }: Crowd) =>
      Promise.all([download(host, port, count), upload(host, port, count)]),
    /** How many connections are still there. */
    open: () => sockets.filter((each) => !each.destroyed && each.readable).length,
    end() {
      for (const socket of sockets.splice(0)) socket.destroy();
    },
  });
}

/** Resolves when one request was answered; the connection stays. */
function askOnce(socket: net.Socket): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', () => resolve(socket));
    socket.resume();
    socket.write('GET / HTTP/1.1\r\nhost: soak\r\nuser-agent: idle\r\n\r\n');
  });
}

function download(host: string, port: number, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = http.get({ host, port, path: `/bytes/${bytes}`, agent: false }, (answer) => {
      readSlowly(answer, resolve);
      answer.on('error', reject);
    });
    sent.on('error', reject);
  });
}

function upload(host: string, port: number, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': String(bytes) };
    const sent = http.request({ host, port, path: '/sink', method: 'POST', headers, agent: false });
    sent.on('response', (answer) => answer.resume().on('end', resolve));
    sent.on('error', reject);
    let left = bytes;
    const more = () => {
      while (left > 0) {
        const size = Math.min(left, BLOCK.length);
        left -= size;
        if (!sent.write(BLOCK.subarray(0, size))) break;
      }
      if (left === 0) sent.end();
    };
    sent.on('drain', more);
    more();
  });
}
