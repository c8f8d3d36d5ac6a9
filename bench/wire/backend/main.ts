/**
 * The backend of the wire bench, a process whose CPU does not count: `node bench/wire/backend/main.ts HOST`.
 *
 * Listens on HTTP1_PORT, HTTP2_PORT and OPAQUE_PORT of HOST, says `ready` to its parent and ends with it.
 */
import net, { type Socket } from 'node:net';
import { HTTP1_PORT, HTTP2_PORT, OPAQUE_PORT } from '../ports.ts';
import { serveHttp1 } from './http1.ts';
import { serveHttp2 } from './http2.ts';
import { serveOpaque } from './opaque.ts';

const host = process.argv[2] ?? '127.0.0.1';
const listen = (port: number, serve: (socket: Socket) => void) =>
  new Promise<void>((resolve) => {
    const server = net.createServer({ noDelay: true }, (socket) => {
      // A proxy may reset what it no longer needs.
      socket.on('error', () => socket.destroy());
      serve(socket);
    });
    server.listen({ host, port, backlog: 4_096 }, resolve);
  });
await Promise.all([
  listen(HTTP1_PORT, serveHttp1),
  listen(HTTP2_PORT, serveHttp2),
  listen(OPAQUE_PORT, serveOpaque),
]);
// Whatever ends the parent, the channel closes.
process.on('disconnect', () => process.exit(0));
// Ctrl-C is the parent's to handle.
process.on('SIGINT', () => undefined);
process.send?.('ready');
