/** The hello, and the independence of who dialled and who is the HTTP/2 client. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { type Hello, negotiate, PROTOCOL_RANGE } from '#core/hello.ts';
import { loopbackNetwork } from '#core/network.ts';
import { call } from '#gateway/http2/call.ts';
import type { Peer } from '#gateway/snapshot/types.ts';
import { dialPeer } from '#gateway/tunnel/dial.ts';
import { peerRequest } from '#gateway/tunnel/greeting.ts';
import { SILENCE_MS } from '#gateway/tunnel/peer.ts';
import { Tunnel, type TunnelOptions } from '#gateway/tunnel/tunnel.ts';
import { exporting, listener, peerOf, request, startCluster, startPod, until } from './world.ts';

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

async function socketPair(): Promise<[net.Socket, net.Socket, () => void]> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const dialled = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
  return [dialled, await accepted, () => server.close()];
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

function lost(): IsthmusError {
  return new IsthmusError('TUNNEL_LOST', 'the test is over');
}

async function read(opener: Tunnel): Promise<string> {
  let text = '';
  const opened = call(opener.endpoint, peerRequest('GET', '/'));
  for await (const chunk of opened.setEncoding('utf8')) text += chunk;
  return text;
}

for (const dialler of ['client', 'server'] as const) {
  test(`a tunnel works where the dialler is the HTTP/2 ${dialler}`, async () => {
    const [dialled, accepted, close] = await socketPair();
    const other = dialler === 'client' ? 'server' : 'client';
    const near = tunnel(dialled, dialler);
    const far = tunnel(accepted, other);
    await Promise.all([near.ready, far.ready]);
    const opener = dialler === 'client' ? near : far;
    assert.equal(await read(opener), 'served');
    near.close(lost());
    far.close(lost());
    close();
  });
}

test('protocol 1 is spoken with a peer that offers 1 and 2 and fields we do not know', async () => {
  const [dialled, accepted, close] = await socketPair();
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
  near.close(lost());
  close();
});

test('peers that share no protocol are refused by name', async () => {
  const [dialled, accepted, close] = await socketPair();
  const near = tunnel(dialled, 'client');
  const far = tunnel(accepted, 'server', { hello: { ...ours, protocols: { min: 2, max: 3 } } });
  await assert.rejects(near.ready, { code: 'PROTOCOL_MISMATCH' });
  await assert.rejects(far.ready);
  close();
});

test('negotiate() takes the highest common protocol', () => {
  const check = (theirs: [number, number], expected: number | undefined) =>
    assert.equal(negotiate({ min: 1, max: 3 }, { min: theirs[0], max: theirs[1] }), expected);
  check([1, 2], 2);
  check([2, 9], 3);
  check([4, 9], undefined);
  assert.equal(PROTOCOL_RANGE.min, 1);
});

test('a peer that says nothing is refused after the deadline, a stream before the hello at once', async () => {
  const [dialled, accepted, close] = await socketPair();
  const far = tunnel(accepted, 'server');
  const client = http2.connect('https://peer', { createConnection: () => dialled });
  client.on('error', () => undefined);
  const early = client.request({ ':path': '/steal' });
  early.on('error', () => undefined);
  await assert.rejects(far.ready, { code: 'TUNNEL_LOST' });
  close();
});

test('a cluster that nobody can dial is reached through the tunnels it dialled', async () => {
  const hidden = await startCluster('hidden');
  const open = await startCluster('open');
  const pod = await startPod('hidden-pod');
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
  pod.destroy();
  await Promise.all([hidden.stop(), open.stop()]);
});

test('a peer whose addresses are all wrong is reached through the tunnels it is asked for', async () => {
  const moved = await startCluster('moved');
  const near = await startCluster('near');
  const pod = await startPod('moved-pod');
  await near.set({
    listeners: new Map([[10_001, listener(10_001, { clusters: ['moved'] })]]),
    peers: new Map([['moved', peerOf(moved, { gateways: [{ host: '127.0.0.1', port: 1 }] })]]),
  });
  await moved.set({ ...exporting([pod.endpoint]), peers: new Map([['near', peerOf(near)]]) });
  await until('served', async () => (await request(near.host, 10_001)).status === 200, 10_000);
  pod.destroy();
  await Promise.all([moved.stop(), near.stop()]);
});

test('a peer that another bundle vouches for is told from one that cannot be reached', async () => {
  const west = await startCluster('west');
  const east = await startCluster('east');
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
  await Promise.all([west.stop(), east.stop()]);
});

test('a peer whose machine vanishes is noticed by silence, and found again', async () => {
  const west = await startCluster('west');
  const east = await startCluster('east');
  const pod = await startPod('east-pod');
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
  road.close();
  pod.destroy();
  await Promise.all([west.stop(), east.stop()]);
});
