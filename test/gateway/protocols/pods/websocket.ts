/**
 * The WebSocket pod: `ws` on node:http. Echoes, compresses where asked, closes with the code it is told.
 */
import http from 'node:http';
import { WebSocketServer } from 'ws';
import type { Journal } from '../journal.ts';
import { type Pod, startServer } from './pod.ts';

export function startWebSocket(journal: Journal): Promise<Pod> {
  const server = http.createServer((_request, response) => {
    response.writeHead(426, { 'content-length': 9 });
    response.end('websocket');
  });
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: { threshold: 0 },
    handleProtocols: (offered) => (offered.has('echo.v2') ? 'echo.v2' : false),
  });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'http://pod');
    socket.on('error', () => undefined);
    if (url.pathname === '/refused') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const id = url.searchParams.get('id') ?? '';
      webSocket.on('error', () => undefined);
      webSocket.on('close', (code, reason) => journal.note(id, `close ${code} ${reason}`));
      webSocket.on('ping', () => journal.note(id, 'ping'));
      webSocket.on('pong', (data) => journal.note(id, `pong ${data}`));
      if (url.pathname === '/ping') webSocket.ping('from the pod');
      if (url.pathname === '/greet') webSocket.send('welcome');
      webSocket.on('message', (data, isBinary) => {
        const told = /^close (\d+) (.*)$/.exec(isBinary ? '' : String(data));
        if (told) webSocket.close(Number(told[1]), told[2]);
        else webSocket.send(data as Buffer, { binary: isBinary });
      });
    });
  });
  return startServer(server);
}
