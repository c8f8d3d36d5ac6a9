/** A port of a pod through the API server, in the words of Kubernetes' WebSocket protocol (v4.channel.k8s.io). */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { forwardPort } from '#kube/port-forward.ts';

const PORT = 4_191;
const DATA = 0;
const ERROR = 1;

let server: http.Server;
let folder: string;
let kubeconfig: string;
const paths: string[] = [];
/** What the pod says to the first bytes it gets; undefined: the kubelet cannot reach it. */
let answer: ((said: string) => string) | undefined;

/** Bytes of `channel`, as the kubelet sends them. */
function frame(channel: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(channel), bytes]);
}

before(async () => {
  server = http.createServer((_, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: () => 'v4.channel.k8s.io',
  });
  server.on('upgrade', (request, socket, head) => {
    paths.push(request.url ?? '');
    if (request.headers.authorization !== 'Bearer secret') {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      // Both channels begin with the port.
      for (const channel of [DATA, ERROR])
        client.send(frame(channel, Uint8Array.of(PORT & 255, PORT >> 8)));
      if (answer === undefined) client.send(frame(ERROR, Buffer.from('connection refused')));
      client.on('message', (data: Buffer) => {
        const said = answer?.(data.subarray(1).toString());
        if (said === undefined) return;
        client.send(frame(DATA, Buffer.from(said)));
        client.close();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  folder = mkdtempSync(join(tmpdir(), 'isthmus-forward-'));
  kubeconfig = join(folder, 'config');
  const { port } = server.address() as AddressInfo;
  const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'west', cluster }],
    users: [
      { name: 'me', user: { token: 'secret' } },
      { name: 'nobody', user: { token: 'wrong' } },
    ],
    contexts: [
      { name: 'west', context: { cluster: 'west', user: 'me' } },
      { name: 'refused', context: { cluster: 'west', user: 'nobody' } },
    ],
    'current-context': 'west',
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const forward = (context: string) =>
  forwardPort({
    paths: [kubeconfig],
    context,
    namespace: 'isthmus-system',
    pod: 'isthmus-gateway-0',
    port: PORT,
  });

test('bytes pass both ways, and the end of the pod ends the connection', async () => {
  answer = (said) => `you said ${said}`;
  const stream = await forward('west');
  stream.write('hello');
  let text = '';
  for await (const chunk of stream) text += chunk;
  assert.equal(text, 'you said hello');
  assert.equal(
    paths.at(-1),
    '/api/v1/namespaces/isthmus-system/pods/isthmus-gateway-0/portforward?ports=4191',
  );
});

test('a pod that refuses and an API server that refuses are told by name', async () => {
  answer = undefined;
  const stream = await forward('west');
  await assert.rejects(async () => {
    for await (const _ of stream) assert.fail('nothing was said');
  }, /port 4191 of isthmus-system\/isthmus-gateway-0: connection refused/);
  await assert.rejects(forward('refused'), /403/);
});
