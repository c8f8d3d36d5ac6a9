/**
 * The HTTP pods: node:http, node:http2 without TLS, and a server of another age over a bare socket.
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { patterned } from '../case.ts';
import type { Journal } from '../journal.ts';
import { answer, sendSeen } from './http-routes.ts';
import { type Pod, startServer } from './pod.ts';
import { echoOver } from './websocket-stream.ts';

const HEADERS_MAX = 64 * 1024;

function continued(request: IncomingMessage, response: ServerResponse, pod: string): void {
  if (request.url?.startsWith('/expectation-failed')) {
    response.writeHead(417, { 'content-length': 2 });
    response.end('no');
    return;
  }
  response.writeContinue();
  sendSeen(request, response, pod, 200);
}

/** HTTP/1.1 by node:http, with `Upgrade: echo`. */
export function startHttp1(name: string, journal: Journal): Promise<Pod> {
  const server = http.createServer(
    {
      maxHeaderSize: HEADERS_MAX,
      shouldUpgradeCallback: (request) => request.headers.upgrade === 'echo',
    },
    (request, response) => answer(request, response, name, journal),
  );
  // A client that has ended its side still wants its answer; Node drops it unless told so.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('checkContinue', (request, response) => continued(request, response, name));
  server.on('checkExpectation', (_request, response) => response.writeHead(417).end());
  server.on('upgrade', (_request, socket, head) => {
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n');
    // What follows the head at once must not be taken for a part of it.
    socket.write('X-Pod: echo\r\n\r\nwelcome\n');
    socket.write(head);
    socket.pipe(socket);
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  return startServer(server);
}

/** HTTP/2 with prior knowledge by node:http2, with WebSockets by extended CONNECT (RFC 8441). */
export function startH2c(name: string, journal: Journal): Promise<Pod> {
  const server = http2.createServer({
    settings: { enableConnectProtocol: true, maxHeaderListSize: HEADERS_MAX },
  });
  const asHttp1 = (request: unknown, response: unknown) =>
    [request as IncomingMessage, response as ServerResponse] as const;
  server.on('request', (request, response) => {
    answer(...asHttp1(request, response), name, journal);
  });
  server.on('checkContinue', (request, response) => {
    continued(...asHttp1(request, response), name);
  });
  server.on('connect', ({ stream, headers }: http2.Http2ServerRequest) => {
    stream.on('error', () => undefined);
    if (headers[':protocol'] !== 'websocket') {
      stream.respond({ ':status': 405, allow: 'GET, HEAD, POST' }, { endStream: true });
      return;
    }
    const offered = headers['sec-websocket-protocol'];
    stream.respond({
      ':status': 200,
      ...(offered === undefined ? {} : { 'sec-websocket-protocol': 'echo.v2' }),
    });
    echoOver(stream);
  });
  server.on('sessionError', () => undefined);
  return startServer(server as unknown as net.Server);
}

/** HTTP/1.0 as it was: one request a connection, an answer without length, ended by the close. */
export function startLegacy(): Promise<Pod> {
  return startServer(
    net.createServer((socket) => {
      let head = '';
      socket.on('data', (chunk) => {
        head += chunk.toString('latin1');
        if (!head.includes('\r\n\r\n')) return;
        socket.write('HTTP/1.0 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n');
        socket.end(patterned(200_000, 5));
      });
    }),
  );
}
