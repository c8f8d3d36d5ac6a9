/** The hello, and the independence of who dialled and who is the HTTP/2 client. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { type Hello, negotiate, PROTOCOL_RANGE } from '#core/hello.ts';
import { loopbackNetwork } from '#core/network.ts';
import { call } from '#gateway/http2/call.ts';
import type { Peer } from '#gateway/snapshot/types.ts';
import { dialPeer } from '#gateway/tunnel/dial.ts';
import { peerRequest } from '#gateway/tunnel/greeting.ts';
import { SILENCE_MS } from '#gateway/tunnel/peer.ts';
import { Tunnel, type TunnelOptions } from '#gateway/tunnel/tunnel.ts';
import * as world from './world.ts';
import { exporting, listener, peerOf, request, type TestCluster, until } from './world.ts';

const ours: Hello = {
  protocols: { min: 1, max: 1 },
  features: [],
  version: '1.0.0',
  cluster: 'west',
  replica: 'west-0',
  worker: 0,
  purpose: 'data',
  replicas: ['west-0'],
  wantsReverse: false,
};

// What a test starts ends with it, whatever it finds: a gateway left open would keep the process alive.
async function startCluster(t: TestContext, name: string): Promise<TestCluster> {
  const cluster = await world.startCluster(name);
  t.after(() => cluster.stop());
  return cluster;
}

async function startPod(t: TestContext, name: string) {
  const pod = await world.startPod(name);
  t.after(() => pod.destroy());
  return pod;
}

async function socketPair(t: TestContext): Promise<[net.Socket, net.Socket]> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const dialled = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const pair: [net.Socket, net.Socket] = [dialled, await accepted];
  t.after(() => {
    for (const each of pair) each.destroy();
    server.close();
  });
  return pair;
}

function tunnel(
  connection: net.Socket,
  httpRole: 'client' | 'server',
  change: Partial<TunnelOptions> = {},
) {
  return new Tunnel({
    connection,
    httpRole,
    hello: ours,
    clock: systemClock,
    serve: (exchange) => {
      exchange.answer({ status: 200, headers: [], upgrade: '', length: 6 }, false);
      exchange.body(Buffer.from('served'), 0, 6, true);
    },
    accept: () => undefined,
    ...change,
  });
}

async function read(opener: Tunnel): Promise<string> {
  let text = '';
  const opened = call(opener.endpoint, peerRequest('GET', '/'));
  for await (const chunk of opened.setEncoding('utf8')) text += chunk;
  return text;
}

for (const dialler of ['client', 'server'] as const) {
  test(`a tunnel works where the dialler is the HTTP/2 ${dialler}`, async (t) => {
    const [dialled, accepted] = await socketPair(t);
    const other = dialler === 'client' ? 'server' : 'client';
    const near = tunnel(dialled, dialler);
    const far = tunnel(accepted, other);
    await Promise.all([near.ready, far.ready]);
    const opener = dialler === 'client' ? near : far;
    assert.equal(await read(opener), 'served');
  });
}

test('protocol 1 is spoken with a peer that offers 1 and 2 and fields we do not know', async (t) => {
  const [dialled, accepted] = await socketPair(t);
  const session = http2.performServerHandshake(accepted);
  session.on('error', () => undefined);
  session.once('stream', (stream) => {
    stream.resume();
    stream.respond({ ':status': 200, 'x-future': '1' });
    stream.end(
      JSON.stringify({
        ...ours,
        cluster: 'east',
        protocols: { min: 1, max: 2, preferred: 2 },
        features: ['teleport'],
        quantum: { entangled: true },
      }),
    );
  });
  const near = tunnel(dialled, 'client');
  const { protocol, hello } = await near.ready;
  assert.equal(protocol, 1);
  assert.equal(hello.cluster, 'east');
});

test('peers that share no protocol are refused by name', async (t) => {
  const [dialled, accepted] = await socketPair(t);
  const near = tunnel(dialled, 'client');
  const far = tunnel(accepted, 'server', { hello: { ...ours, protocols: { min: 2, max: 3 } } });
  await assert.rejects(near.ready, { code: 'PROTOCOL_MISMATCH' });
  await assert.rejects(far.ready);
});

test('negotiate() takes the highest common protocol', () => {
  const check = (theirs: [number, number], expected: number | undefined) =>
    assert.equal(negotiate({ min: 1, max: 3 }, { min: theirs[0], max: theirs[1] }), expected);
  check([1, 2], 2);
  check([2, 9], 3);
  check([4, 9], undefined);
  assert.equal(PROTOCOL_RANGE.min, 1);
});

test('a peer that says nothing is refused after the deadline, a stream before the hello at once', async (t) => {
  const [dialled, accepted] = await socketPair(t);
  const far = tunnel(accepted, 'server');
  const client = http2.connect('https://peer', { createConnection: () => dialled });
  client.on('error', () => undefined);
  const early = client.request({ ':path': '/steal' });
  early.on('error', () => undefined);
  await assert.rejects(far.ready, { code: 'TUNNEL_LOST' });
});

test('a cluster that nobody can dial is reached through the tunnels it dialled', async (t) => {
  const hidden = await startCluster(t, 'hidden');
  const open = await startCluster(t, 'open');
  const pod = await startPod(t, 'hidden-pod');
  await hidden.set({
    ...exporting([pod.endpoint]),
    peers: new Map([['open', peerOf(open)]]),
  });
  await open.set({
    listeners: new Map([[10_001, listener(10_001, { clusters: ['hidden'] })]]),
    peers: new Map([['hidden', peerOf(hidden, { gateways: [] })]]),
  });
  await until('served', async () => (await request(open.host, 10_001)).status === 200);
  const answer = await request(open.host, 10_001);
  assert.deepEqual(JSON.parse(answer.body), { pod: 'hidden-pod' });
});

test('a peer whose addresses are all wrong is reached through the tunnels it is asked for', async (t) => {
  const moved = await startCluster(t, 'moved');
  const near = await startCluster(t, 'near');
  const pod = await startPod(t, 'moved-pod');
  await near.set({
    listeners: new Map([[10_001, listener(10_001, { clusters: ['moved'] })]]),
    peers: new Map([['moved', peerOf(moved, { gateways: [{ host: '127.0.0.1', port: 1 }] })]]),
  });
  await moved.set({ ...exporting([pod.endpoint]), peers: new Map([['near', peerOf(near)]]) });
  await until('served', async () => (await request(near.host, 10_001)).status === 200, 10_000);
});

test('a peer whose addresses are all wrong stays reachable when those who dial in its stead renew their tunnels', async (t) => {
  const moved = await startCluster(t, 'moved');
  const near = await startCluster(t, 'near');
  const pod = await startPod(t, 'moved-pod');
  await near.set({
    listeners: new Map([[10_001, listener(10_001, { clusters: ['moved'] })]]),
    peers: new Map([['moved', peerOf(moved, { gateways: [{ host: '127.0.0.1', port: 1 }] })]]),
  });
  await moved.set({ ...exporting([pod.endpoint]), peers: new Map([['near', peerOf(near)]]) });
  await until('served', async () => (await request(near.host, 10_001)).status === 200, 10_000);
  const theirs = moved.gateway.peers.tunnels('near');
  assert.ok(theirs);
  for (const purpose of ['control', 'data', 'opaque'] as const) {
    for (let old = theirs.pick(purpose); old !== undefined; old = theirs.pick(purpose)) old.drain();
    await until('renewed', () => theirs.pick(purpose) !== undefined);
  }
  // Any change of what is known of the cluster has the tunnels looked at.
  await moved.set({ replicas: ['moved-0', 'moved-1'] });
  for (let asked = 0; asked < 20; asked += 1) {
    assert.equal((await request(near.host, 10_001)).status, 200, `request ${asked}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

test('a peer that another bundle vouches for is told from one that cannot be reached', async (t) => {
  const west = await startCluster(t, 'west');
  const east = await startCluster(t, 'east');
  const dial = (peer: Peer, port: number) =>
    dialPeer(peer, { host: east.host, port }, 'client', {
      clock: systemClock,
      network: loopbackNetwork,
      ownCluster: 'west',
      credentials: west.authority.of('isthmus-gateway'),
    });
  await east.set({ peers: new Map([['west', peerOf(west)]]) });
  const wrong = peerOf(east, { trustBundle: west.authority.trustBundle });
  await assert.rejects(dial(wrong, 4143), { code: 'NOT_AUTHORIZED', message: /spec\.trustBundle/ });
  await assert.rejects(dial(peerOf(east), 9), {
    code: 'PEER_UNREACHABLE',
    message: /ECONNREFUSED/,
  });
  (await dial(peerOf(east), 4143)).destroy();
});

test('a peer whose machine vanishes is noticed by silence, and found again', async (t) => {
  const west = await startCluster(t, 'west');
  const east = await startCluster(t, 'east');
  const pod = await startPod(t, 'east-pod');
  // A road between them that can be blocked without closing anything.
  let blocked = false;
  const road = net.createServer((near) => {
    const far = net.connect({ host: east.host, port: 4143 });
    near.on('data', (chunk) => blocked || far.write(chunk));
    far.on('data', (chunk) => blocked || near.write(chunk));
    for (const each of [near, far]) each.on('error', () => undefined);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  t.after(() => road.close());
  await new Promise<void>((resolve) => road.listen(0, '127.0.0.1', resolve));
  const gateways = [{ host: '127.0.0.1', port: (road.address() as AddressInfo).port }];
  await east.set({ ...exporting([pod.endpoint]), peers: new Map([['west', peerOf(west)]]) });
  await west.set({
    listeners: new Map([[10_001, listener(10_001, { clusters: ['east'] })]]),
    peers: new Map([['east', peerOf(east, { gateways })]]),
  });
  await until('served', async () => (await request(west.host, 10_001)).status === 200);
  blocked = true;
  const startMs = performance.now();
  await until('noticed', () => !west.gateway.peers.tunnels('east')?.connected);
  assert.ok(
    performance.now() - startMs > SILENCE_MS - 1_100,
    'not before three seconds of silence',
  );
  blocked = false;
  await until('found again', async () => (await request(west.host, 10_001)).status === 200);
});
