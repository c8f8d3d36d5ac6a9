/** Tunnels in which no stream is opened any more, but some are still open. */
import assert from 'node:assert/strict';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import type { Hello } from '#core/hello.ts';
import { loopbackNetwork } from '#core/network.ts';
import { CATALOG_PATH } from '#gateway/catalog/follow.ts';
import { call } from '#gateway/http2/call.ts';
import type { Peer } from '#gateway/snapshot/types.ts';
import { dialPeer } from '#gateway/tunnel/dial.ts';
import { peerRequest } from '#gateway/tunnel/greeting.ts';
import { DIALLED_MAX } from '#gateway/tunnel/taken.ts';
import { Tunnel } from '#gateway/tunnel/tunnel.ts';
import * as world from '../world.ts';
import { exporting, listener, peerOf, request, type TestCluster, until } from '../world.ts';

async function startCluster(t: TestContext, name: string): Promise<TestCluster> {
  const cluster = await world.startCluster(name);
  t.after(() => cluster.stop());
  return cluster;
}

/** A tunnel west dials to east as it likes, which is in use and in which it has said goodbye. */
async function leftTunnel(west: TestCluster, east: TestCluster): Promise<Tunnel> {
  const connection = await dialPeer(peerOf(east), { host: east.host, port: 4143 }, 'client', {
    clock: systemClock,
    network: loopbackNetwork,
    ownCluster: 'west',
    credentials: west.authority.of('isthmus-gateway'),
  });
  const hello: Hello = {
    protocols: { min: 1, max: 1 },
    features: [],
    version: '1.0.0',
    cluster: 'west',
    replica: 'west-9',
    worker: 0,
    purpose: 'control',
    replicas: ['west-9'],
    wantsReverse: false,
  };
  const tunnel = new Tunnel({
    connection,
    httpRole: 'client',
    hello,
    clock: systemClock,
    serve: () => undefined,
    accept: () => undefined,
  });
  await tunnel.ready;
  const catalog = call(tunnel.endpoint, peerRequest('GET', CATALOG_PATH));
  catalog.on('error', () => undefined);
  await new Promise((resolve) => catalog.once('data', resolve));
  tunnel.drain();
  return tunnel;
}

const changes: Record<string, (of: Peer) => Peer | undefined> = {
  'is suspended': (of) => ({ ...of, suspended: true }),
  'is removed': () => undefined,
  'trusts others': (of) => ({ ...of, trust: 'others' }),
};

for (const [what, change] of Object.entries(changes)) {
  test(`a peer that has said goodbye in a tunnel loses it, too, when its Link ${what}`, async (t) => {
    const west = await startCluster(t, 'west');
    const east = await startCluster(t, 'east');
    const known = peerOf(west, { gateways: [] });
    await east.set({ ...exporting([]), peers: new Map([['west', known]]) });
    const tunnel = await leftTunnel(west, east);
    t.after(() => tunnel.options.connection.destroy());
    await until(
      'its goodbye is known',
      () => east.gateway.peers.tunnels('west')?.tunnelCount === 0,
    );
    const changed = change(known);
    await east.set({ peers: new Map(changed === undefined ? [] : [['west', changed]]) });
    await until('cut', () => tunnel.ended, 2_000);
  });
}

test('tunnels in which their dialler has said goodbye count among those it may have', async (t) => {
  const west = await startCluster(t, 'west');
  const east = await startCluster(t, 'east');
  await east.set({ peers: new Map([['west', peerOf(west, { gateways: [] })]]) });
  const tunnels = east.gateway.peers.tunnels('west');
  assert.ok(tunnels);
  // Stands for a connection: none is worth a thousand handshakes here.
  const left = () => {
    const [near, far] = [new net.Socket(), new net.Socket()];
    far.destroy();
    const tunnel = new Tunnel({
      connection: near,
      httpRole: 'server',
      hello: tunnels.helloFor('data'),
      clock: systemClock,
      serve: () => undefined,
      accept: () => undefined,
    });
    t.after(() => near.destroy());
    tunnels.adopt(tunnel);
    tunnel.onLeaving();
  };
  for (let count = 0; count < DIALLED_MAX; count += 1) left();
  assert.equal(tunnels.mayDial(), 'TUNNELS_OF_PEER');
});

/** west's way to east, which can be blocked without closing anything. */
async function roadTo(t: TestContext, east: TestCluster) {
  const road = { blocked: false, port: 0 };
  const server = net.createServer((near) => {
    const far = net.connect({ host: east.host, port: 4143 });
    near.on('data', (chunk) => road.blocked || far.write(chunk));
    far.on('data', (chunk) => road.blocked || near.write(chunk));
    for (const each of [near, far]) each.on('error', () => undefined);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  road.port = (server.address() as AddressInfo).port;
  return road;
}

/** Two linked clusters and a pod in east that answers POST after `delayMs`; asks it from west. */
async function linked(t: TestContext, delayMs: number) {
  const west = await startCluster(t, 'west');
  const east = await startCluster(t, 'east');
  let asked = 0;
  const pod = await world.startPod('east-pod', (incoming, response) => {
    incoming.resume();
    if (incoming.method === 'GET') response.end();
    else {
      asked += 1;
      setTimeout(() => response.end('late'), delayMs).unref();
    }
  });
  t.after(() => pod.destroy());
  const road = await roadTo(t, east);
  await east.set({ ...exporting([pod.endpoint]), peers: new Map([['west', peerOf(west)]]) });
  await west.set({
    listeners: new Map([[10_001, listener(10_001, { clusters: ['east'] })]]),
    peers: new Map([
      ['east', peerOf(east, { gateways: [{ host: '127.0.0.1', port: road.port }] })],
    ]),
  });
  await until('served', async () => (await request(west.host, 10_001)).status === 200);
  const answer = request(west.host, 10_001, { method: 'POST', body: 'x' });
  await until('asked', () => asked === 1);
  // As when its certificate is renewed: others take the place of those that carry the request.
  const of = west.gateway.peers.tunnels('east');
  assert.ok(of);
  for (let old = of.pick('data'); old !== undefined; old = of.pick('data')) old.drain();
  await until('renewed', () => of.pick('data') !== undefined);
  return { west, east, road, answer };
}

test('a request in a tunnel that was replaced fails when the machine behind it vanishes', async (t) => {
  const { road, answer } = await linked(t, 60_000);
  road.blocked = true;
  const startMs = performance.now();
  const late = new Promise<{ status: number }>((resolve) =>
    setTimeout(() => resolve({ status: 0 }), 8_000).unref(),
  );
  assert.equal((await Promise.race([answer, late])).status, 502);
  assert.ok(performance.now() - startMs > 1_900, 'not before some seconds of silence');
});

test('a gateway that leaves waits for the requests in tunnels that were replaced', async (t) => {
  const { east, answer } = await linked(t, 1_000);
  const stopped = east.gateway.stop(5_000);
  const { status, body } = await answer;
  assert.deepEqual({ status, body }, { status: 200, body: 'late' });
  await stopped;
});
