/**
 * A pod that answers whatever it is spoken to in: HTTP/1, HTTP/2 with prior knowledge, or bytes.
 *
 * Content comes back as it went; a stream that asks for it gets a message back for each one it sends,
 * and trailers, as gRPC has them.
 */
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import type { LocalEndpoint } from '#gateway/snapshot/types.ts';

/** Starts one that takes `delayMs` for each answer. */
export async function startAnyPod(delayMs: number) {
  const plain = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => setTimeout(() => response.end(Buffer.concat(chunks)), delayMs));
  });
  plain.keepAliveTimeout = 60_000;
  const modern = http2.createServer();
  modern.on('session', (session) => session.on('error', () => undefined));
  modern.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    if (headers['content-type'] === 'application/grpc') {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.pipe(stream);
      return;
    }
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () =>
      setTimeout(() => {
        if (stream.destroyed) return;
        stream.respond({ ':status': 200 });
        stream.end(Buffer.concat(chunks));
      }, delayMs),
    );
  });
  const [plainPort, modernPort] = [await open(plain), await open(modern as unknown as net.Server)];
  const sockets = new Set<net.Socket>();
  const keep = (socket: net.Socket) => {
    sockets.add(socket);
    socket.setNoDelay();
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  };
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    keep(socket);
    socket.once('data', (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      if (first[0] === 0) {
        socket.pipe(socket);
        return;
      }
      const port = first.toString('latin1', 0, 3) === 'PRI' ? modernPort : plainPort;
      const inner = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      keep(inner);
      socket.pipe(inner).pipe(socket);
      socket.once('close', () => inner.destroy());
      inner.once('close', () => socket.destroy());
    });
  });
  const port = await open(server);
  return {
    endpoint: { host: '127.0.0.1', port, podName: 'any' } satisfies LocalEndpoint,
    destroy() {
      for (const each of [server, plain, modern]) each.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function open(server: net.Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
