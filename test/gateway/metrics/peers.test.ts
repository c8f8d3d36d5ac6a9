/** What Prometheus is told of linked clusters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PeerRow, peerText } from '#gateway/metrics/peers.ts';
import { peerOf, startCluster, type TestCluster, until } from '../world.ts';
import { Reader } from './reader.ts';

const pageOf = ({ gateway }: TestCluster) => new Reader().page(gateway.untold);

async function told(cluster: TestCluster): Promise<string[]> {
  const text = await pageOf(cluster);
  return [...text.matchAll(/^isthmus_peer_(\w+)\{cluster="(\w+)"\}/gm)].map(
    ([, name, cluster]) => `${name} ${cluster}`,
  );
}

test('nothing is told of a cluster that is linked no more, nor the round trip of one that is away', async (t) => {
  const west = await startCluster('west');
  t.after(() => west.stop());
  const east = await startCluster('east');
  t.after(() => east.stop());
  await east.set({ peers: new Map([['west', peerOf(west)]]) });
  await west.set({ peers: new Map([['east', peerOf(east)]]) });
  await until('a round trip is known', async () => (await told(west)).length === 3);
  assert.match(await pageOf(west), /^isthmus_peer_connected\{cluster="east"\} 1$/m);
  await west.set({ peers: new Map([['east', peerOf(east, { suspended: true })]]) });
  await until('the round trip is told no more', async () => (await told(west)).length === 2);
  assert.match(await pageOf(west), /^isthmus_peer_connected\{cluster="east"\} 0$/m);
  await west.set({ peers: new Map() });
  assert.deepEqual(await told(west), []);
});

test('a linked cluster that was never reached is told as such at once', async (t) => {
  const west = await startCluster('west');
  t.after(() => west.stop());
  const east = await startCluster('east');
  await east.stop();
  void west.set({ peers: new Map([['east', peerOf(east)]]) });
  assert.match(await pageOf(west), /^isthmus_peer_connected\{cluster="east"\} 0$/m);
});

test('what several workers say of a linked cluster is what any of them may meet', () => {
  const row = (change: Partial<PeerRow>) => ({
    cluster: 'east',
    connected: true,
    roundTripMs: Number.NaN,
    tunnels: 2,
    ...change,
  });
  const text = peerText([row({}), row({ roundTripMs: 4 }), row({ roundTripMs: 3 })]);
  assert.match(text, /^isthmus_peer_connected\{cluster="east"\} 1$/m);
  assert.match(text, /^isthmus_peer_round_trip_seconds\{cluster="east"\} 0.003$/m);
  assert.match(text, /^isthmus_peer_tunnels\{cluster="east"\} 6$/m);
  assert.match(peerText([row({}), row({ connected: false })]), /^isthmus_peer_connected.* 0$/m);
});
