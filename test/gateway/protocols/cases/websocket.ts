/**
 * WebSockets: `ws` over HTTP/1.1, frames by hand over extended CONNECT, and one turned into the other.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type http2 from 'node:http2';
import { type ClientOptions, WebSocket } from 'ws';
import { AUTHORITY, at, type Case, freshId, patterned, sha256, type Target } from '../case.ts';
import { connectHttp2 } from '../clients/node-http2.ts';
import { closePayload, FrameStream, OPCODE } from '../pods/websocket-stream.ts';

function dial(target: Target, path = '/', protocols: string[] = [], options: ClientOptions = {}) {
  const url = `ws://${target.host}:${target.port}${path}`;
  const headers = { host: AUTHORITY };
  const socket = new WebSocket(url, protocols, { headers, perMessageDeflate: false, ...options });
  socket.on('error', () => undefined);
  target.defer(() => socket.terminate());
  return socket;
}

async function opened(socket: WebSocket): Promise<WebSocket> {
  await once(socket, 'open');
  return socket;
}

async function echo(socket: WebSocket, message: Buffer | string): Promise<void> {
  socket.send(message);
  const [data, binary] = (await once(socket, 'message')) as [Buffer, boolean];
  assert.equal(binary, typeof message !== 'string');
  assert.equal(sha256(data), sha256(message));
}

/** What any pod with WebSockets does, whatever its HTTP version. */
const common: readonly Omit<Case, 'port'>[] = [
  {
    name: 'ws: text, empty and binary messages of 1 MiB',
    combine: true,
    async run(target) {
      const socket = await opened(dial(target));
      await echo(socket, 'a text, ünïcode');
      await echo(socket, Buffer.alloc(0));
      for (let turn = 0; turn < 3; turn += 1) await echo(socket, patterned(1_048_576, turn));
    },
  },
  {
    name: 'ws: ping is answered',
    async run(target) {
      const socket = await opened(dial(target));
      socket.ping('are you there');
      const [data] = await once(socket, 'pong');
      assert.equal(String(data), 'are you there');
    },
  },
  {
    name: 'ws: a subprotocol is agreed on',
    async run(target) {
      const socket = await opened(dial(target, '/', ['other', 'echo.v2']));
      assert.equal(socket.protocol, 'echo.v2');
      await echo(socket, 'agreed');
    },
  },
  {
    name: 'ws: the code the client closes with comes back',
    async run(target) {
      const socket = await opened(dial(target));
      socket.close(4002, 'enough');
      const [code, reason] = await once(socket, 'close');
      assert.deepEqual([code, String(reason)], [4002, 'enough']);
    },
  },
];

const http1Only: readonly Omit<Case, 'port'>[] = [
  {
    name: 'ws: the pod speaks first',
    combine: true,
    async run(target) {
      const socket = dial(target, '/greet');
      const [data] = await once(socket, 'message');
      assert.equal(String(data), 'welcome');
    },
  },
  {
    name: 'ws: the pod pings, the client answers',
    async run(target) {
      const id = freshId();
      dial(target, `/ping?id=${id}`);
      await target.journal.until(id, /^pong from the pod$/);
    },
  },
  {
    name: 'ws: codes and reasons pass both ways',
    async run(target) {
      const id = freshId();
      const socket = await opened(dial(target, `/?id=${id}`));
      socket.send('close 4001 so it is');
      const [code, reason] = await once(socket, 'close');
      assert.deepEqual([code, String(reason)], [4001, 'so it is']);
      const other = await opened(dial(target, `/?id=${id}-2`));
      other.close(4002, 'enough');
      await target.journal.until(`${id}-2`, /^close 4002 enough$/);
    },
  },
  {
    name: 'ws: a client that vanishes is gone for the pod',
    async run(target) {
      const id = freshId();
      const socket = await opened(dial(target, `/?id=${id}`));
      await echo(socket, 'here');
      socket.terminate();
      await target.journal.until(id, /^close 1006/);
    },
  },
  {
    name: 'ws: compressed messages',
    async run(target) {
      const socket = await opened(dial(target, '/', [], { perMessageDeflate: { threshold: 0 } }));
      assert.match(socket.extensions, /permessage-deflate/);
      await echo(socket, 'again and again '.repeat(20_000));
      await echo(socket, patterned(300_000, 13));
    },
  },
  {
    name: 'ws: a refusal is what the pod said',
    async run(target) {
      const socket = dial(target, '/refused');
      const [error] = (await once(socket, 'error')) as [Error];
      assert.match(error.message, /403/);
    },
  },
];

/** Opens a WebSocket by extended CONNECT (RFC 8441), once the server has announced it. */
async function extended(target: Target, protocol?: string) {
  const session = connectHttp2(target);
  if (!session.remoteSettings?.enableConnectProtocol) {
    const [settings] = (await once(session, 'remoteSettings')) as [http2.Settings];
    assert.equal(settings.enableConnectProtocol, true);
  }
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': '/',
      ':authority': AUTHORITY,
      'sec-websocket-version': '13',
      ...(protocol === undefined ? {} : { 'sec-websocket-protocol': protocol }),
    },
    { endStream: false },
  );
  stream.on('error', () => undefined);
  const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  assert.equal(Number(headers[':status']), 200);
  return { session, stream, headers, frames: new FrameStream(stream, false) };
}

const overHttp2: readonly Omit<Case, 'port'>[] = [
  {
    name: 'extended CONNECT: messages, ping, close',
    combine: true,
    async run(target) {
      const { frames } = await extended(target);
      for (const message of [Buffer.from('hello'), patterned(1_048_576, 14)]) {
        const answer = frames.next('message');
        frames.send(OPCODE.binary, message);
        const [data] = (await answer) as [Buffer];
        assert.equal(sha256(data), sha256(message));
      }
      const pong = frames.next('pong');
      frames.send(OPCODE.ping, Buffer.from('there?'));
      assert.equal(String((await pong)[0]), 'there?');
      const concluded = frames.next('conclude');
      frames.send(OPCODE.close, closePayload(4003, 'done'));
      const [code, reason] = await concluded;
      assert.deepEqual([code, String(reason)], [4003, 'done']);
    },
  },
  {
    name: 'extended CONNECT: a subprotocol is agreed on',
    async run(target) {
      const { headers } = await extended(target, 'other, echo.v2');
      assert.equal(headers['sec-websocket-protocol'], 'echo.v2');
    },
  },
];

export const websocketCases: readonly Case[] = [
  ...at(['ws', 'ws-auto'], [...common, ...http1Only]),
  ...at(['h2c'], common, { direct: 'websocket' }),
  ...at(['h2c', 'h2c-auto'], overHttp2),
  ...at(['ws'], overHttp2, { direct: 'h2c' }),
];
