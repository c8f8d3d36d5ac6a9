/** Streams of HTTP/2 clients whose direction ends with their head. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { exporting, listener, startCluster } from '../world.ts';

test('a client that switches and says nothing more is heard to have ended, and nothing stays behind', async (t) => {
  const pod = http.createServer();
  const closed = Promise.withResolvers<void>();
  pod.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 \r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nlast words');
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', closed.resolve).resume();
  });
  pod.listen(0, '127.0.0.1');
  await once(pod, 'listening');
  const { port } = pod.address() as AddressInfo;
  const cluster = await startCluster('west');
  await cluster.set({
    ...exporting([{ host: '127.0.0.1', port, podName: 'pod' }]),
    listeners: new Map([[10_001, listener(10_001, { local: true })]]),
  });
  const session = http2.connect(`http://${cluster.host}:10001`);
  t.after(async () => {
    session.destroy();
    pod.closeAllConnections();
    pod.close();
    await cluster.stop();
  });
  await once(session, 'remoteSettings');
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/', ':authority': 'shop' },
    { endStream: true },
  );
  let text = '';
  stream.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  await once(stream, 'close');
  await closed.promise;
  assert.equal(text, 'last words');
});

test('a client whose fields are too large is told when', async (t) => {
  const cluster = await startCluster('west');
  await cluster.set({
    ...exporting([]),
    listeners: new Map([[10_001, listener(10_001, { local: true })]]),
  });
  const session = http2.connect(`http://${cluster.host}:10001`, {
    maxSendHeaderBlockLength: 200_000,
  });
  t.after(async () => {
    session.destroy();
    await cluster.stop();
  });
  await once(session, 'remoteSettings');
  // Beyond the bound as a list, but not on its way: a digit takes five bits there.
  const stream = session.request({ ':path': '/', 'x-large': '0'.repeat(70_000) });
  stream.on('error', () => undefined);
  const [head] = await once(stream, 'response');
  assert.equal(head[':status'], 431);
  assert.ok(Date.parse(head['date']) > 0, `date: ${head['date']}`);
});
