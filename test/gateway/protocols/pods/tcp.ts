/**
 * The opaque pods: over bare TCP the first line says what to do; one speaks first; one speaks TLS.
 */
import { createHash } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { createAuthority } from '#test/identity/authority-fixture.ts';
import { patterned, sha256 } from '../case.ts';
import type { Journal } from '../journal.ts';
import { type Pod, startServer } from './pod.ts';

/** Bytes of a `duplex` connection, each way. */
export const DUPLEX_BYTES = 64 * 1024 * 1024;
const DUPLEX_BLOCK = patterned(1024 * 1024, 7);

/** What a client hears of a `duplex` connection before the hash of what it said. */
export function duplexSha256(): string {
  const hash = createHash('sha256');
  for (let sent = 0; sent < DUPLEX_BYTES; sent += DUPLEX_BLOCK.length) hash.update(DUPLEX_BLOCK);
  return hash.digest('hex');
}

/** Writes 64 MiB as fast as they are taken. */
export function writeDuplex(socket: net.Socket, done: () => void): void {
  let sent = 0;
  const step = () => {
    while (sent < DUPLEX_BYTES) {
      sent += DUPLEX_BLOCK.length;
      if (!socket.write(DUPLEX_BLOCK) && sent < DUPLEX_BYTES) {
        socket.once('drain', step);
        return;
      }
    }
    done();
  };
  step();
}

type Behaviour = (socket: net.Socket, rest: Buffer, id: string, journal: Journal) => void;

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  echo: (socket, rest) => {
    socket.write(rest);
    socket.pipe(socket);
  },
  // Answers only after the client has ended.
  digest: (socket, rest) => {
    const hash = createHash('sha256').update(rest);
    socket.on('data', (chunk) => hash.update(chunk));
    socket.on('end', () => setTimeout(() => socket.end(hash.digest('hex')), 50));
  },
  // Ends first, and goes on reading.
  'end-first': (socket, rest, id, journal) => {
    const chunks = [rest];
    socket.end('bye');
    socket.on('data', (chunk) => chunks.push(chunk as Buffer));
    socket.on('end', () => journal.note(id, `end ${sha256(Buffer.concat(chunks))}`));
  },
  reset: (socket) => socket.resetAndDestroy(),
  // Tells how the client left.
  hold: (socket, _rest, id, journal) => {
    socket.write('held\n');
    socket.resume();
    socket.on('end', () => journal.note(id, 'end'));
    socket.on('error', (error: NodeJS.ErrnoException) => journal.note(id, `error ${error.code}`));
  },
  duplex: (socket, rest) => {
    const hash = createHash('sha256').update(rest);
    const both = Promise.all([
      new Promise<void>((resolve) => socket.once('end', resolve)),
      new Promise<void>((resolve) => writeDuplex(socket, resolve)),
    ]);
    socket.on('data', (chunk) => hash.update(chunk));
    void both.then(() => socket.end(hash.digest()));
  },
};

export function startTcp(journal: Journal): Promise<Pod> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    let buffered = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      const end = buffered.indexOf('\n');
      if (end < 0) return;
      socket.off('data', onData);
      const [verb = '', id = ''] = buffered.toString('latin1', 0, end).split(' ');
      BEHAVIOURS[verb]?.(socket, buffered.subarray(end + 1), id, journal);
    };
    socket.on('data', onData);
  });
  return startServer(server);
}

/** Speaks first, as SMTP and MySQL do, then echoes. */
export function startBanner(): Promise<Pod> {
  return startServer(
    net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.write('220 pod ready\r\n');
      socket.pipe(socket);
    }),
  );
}

/** What the TLS pod shows, and the root a client trusts for it. */
export const podCertificate = createAuthority('pod').of('pod');

/** TLS that ends in the pod. */
export function startTls(): Promise<Pod> {
  const { certificateChain, privateKey } = podCertificate;
  const options = { cert: certificateChain, key: privateKey, allowHalfOpen: true };
  const server = tls.createServer(options, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.on('tlsClientError', () => undefined);
  return startServer(server);
}
