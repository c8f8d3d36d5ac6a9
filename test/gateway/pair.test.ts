/** Requests and connections through two linked gateways. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import { after, before, test } from 'node:test';
import {
  exporting,
  listener,
  peerOf,
  request,
  startCluster,
  startPod,
  type TestCluster,
  until,
} from './world.ts';

let west: TestCluster;
let east: TestCluster;
let eastPod: Awaited<ReturnType<typeof startPod>>;

before(async () => {
  west = await startCluster('west');
  east = await startCluster('east');
  eastPod = await startPod('east-pod', (incoming, response) => {
    if (incoming.url === '/headers') {
      incoming.resume();
      response.setHeader('connection', 'x-private');
      response.setHeader('x-private', '1');
      response.setHeader('isthmus-error', 'INTERNAL');
      response.end(JSON.stringify(incoming.headers));
      return;
    }
    if (incoming.url === '/empty') {
      response.writeHead(204).end();
      return;
    }
    const hash = createHash('sha256');
    incoming.on('data', (chunk) => hash.update(chunk));
    incoming.on('end', () =>
      response.end(JSON.stringify({ pod: 'east-pod', url: incoming.url, sha: hash.digest('hex') })),
    );
  });
  await east.set({ ...exporting([eastPod.endpoint]), peers: new Map([['west', peerOf(west)]]) });
  await west.set({
    listeners: new Map([[10_001, listener(10_001, { clusters: ['east'] })]]),
    peers: new Map([['east', peerOf(east)]]),
  });
  await until('linked', () => west.gateway.peers.candidate('east', 'shop/backend').weight === 1);
});

after(async () => {
  eastPod.destroy();
  await Promise.all([west.stop(), east.stop()]);
});

test('a GET passes both gateways and comes back', async () => {
  const answer = await request(west.host, 10_001, { path: '/a?b=c' });
  assert.equal(answer.status, 200);
  assert.equal(JSON.parse(answer.body).url, '/a?b=c');
});

test('a body of 5 MiB arrives whole', async () => {
  const body = randomBytes(5 * 1024 * 1024);
  const answer = await request(west.host, 10_001, { method: 'POST', body });
  assert.equal(JSON.parse(answer.body).sha, createHash('sha256').update(body).digest('hex'));
});

test('fields of our own and of the hop are neither taken from clients nor given to servers', async () => {
  const { body } = await request(west.host, 10_001, {
    path: '/headers',
    headers: {
      'isthmus-caller': 'forged',
      'isthmus-target': 'kube-system/x:1',
      te: 'gzip',
      'x-kept': 'yes',
    },
  });
  const seen = JSON.parse(body);
  assert.equal(seen['x-kept'], 'yes');
  assert.equal(seen['isthmus-caller'], undefined);
  assert.equal(seen['isthmus-target'], undefined);
  assert.equal(seen.te, undefined);
  assert.equal(seen.host, 'backend-global.shop');
  assert.equal(seen['isthmus-hops'], 'west');
  assert.match(seen.forwarded, /^for=127\.0\.0\.1;host="backend-global\.shop";proto=http$/);
});

test('fields of our own and of the hop are not taken from servers', async () => {
  const { headers, status } = await request(west.host, 10_001, { path: '/headers' });
  assert.equal(status, 200);
  assert.equal(headers['isthmus-error'], undefined);
  assert.equal(headers['x-private'], undefined);
});

test('a request that already passed this cluster is refused', async () => {
  const { status, headers } = await request(west.host, 10_001, {
    headers: { 'isthmus-hops': 'north,west' },
  });
  assert.equal(status, 508);
  assert.equal(headers['isthmus-error'], 'LOOP_DETECTED');
});

test('a service the Link does not let the peer see is refused', async () => {
  await west.set({
    listeners: new Map([
      ...west.snapshot.listeners,
      [
        10_002,
        listener(10_002, {
          mirror: 'shop/other-global',
          target: { namespace: 'shop', name: 'other', port: 80 },
          clusters: ['east'],
        }),
      ],
    ]),
  });
  const { status, headers } = await request(west.host, 10_002);
  assert.equal(status, 503);
  assert.equal(headers['isthmus-error'], 'NO_ENDPOINT');
});

test('HEAD and 204 have no body', async () => {
  const head = await request(west.host, 10_001, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.body, '');
  const empty = await request(west.host, 10_001, { path: '/empty' });
  assert.equal(empty.status, 204);
  const again = await request(west.host, 10_001);
  assert.equal(again.status, 200);
});

test('opaque bytes pass both ways, half-close included', async () => {
  const echo = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const { port } = echo.address() as net.AddressInfo;
  await east.set(exporting([{ host: '127.0.0.1', port, podName: 'echo' }]));
  const sent = randomBytes(1024 * 1024);
  sent[0] = 0xff;
  const received = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = net.connect({ host: west.host, port: 10_001, allowHalfOpen: true });
    socket.on('data', (chunk) => chunks.push(chunk as Buffer));
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.on('error', reject);
    socket.end(sent);
  });
  assert.ok(received.equals(sent));
  echo.close();
  await east.set(exporting([eastPod.endpoint]));
});

test('when no endpoint is left the client is told so, and when one returns it is served', async () => {
  await east.set(exporting([]));
  await until('east is empty', async () => (await request(west.host, 10_001)).status === 503);
  await east.set(exporting([eastPod.endpoint]));
  await until('east is back', async () => (await request(west.host, 10_001)).status === 200);
});
