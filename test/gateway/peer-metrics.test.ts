/** What Prometheus is told of linked clusters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { peerOf, startCluster, until } from './world.ts';

async function told(registry: Registry): Promise<string[]> {
  const text = await registry.metrics();
  return [...text.matchAll(/^isthmus_peer_(\w+)\{cluster="(\w+)"\}/gm)].map(
    ([, name, cluster]) => `${name} ${cluster}`,
  );
}

test('nothing is told of a cluster that is linked no more, nor the round trip of one that is away', async (t) => {
  const registry = new Registry();
  const west = await startCluster('west', { registry });
  t.after(() => west.stop());
  const east = await startCluster('east');
  t.after(() => east.stop());
  await east.set({ peers: new Map([['west', peerOf(west)]]) });
  await west.set({ peers: new Map([['east', peerOf(east)]]) });
  await until('a round trip is known', async () => (await told(registry)).length === 3);
  assert.match(await registry.metrics(), /^isthmus_peer_connected\{cluster="east"\} 1$/m);
  await west.set({ peers: new Map([['east', peerOf(east, { suspended: true })]]) });
  await until('the round trip is told no more', async () => (await told(registry)).length === 2);
  assert.match(await registry.metrics(), /^isthmus_peer_connected\{cluster="east"\} 0$/m);
  await west.set({ peers: new Map() });
  assert.deepEqual(await told(registry), []);
});

test('a linked cluster that was never reached is told as such at once', async (t) => {
  const registry = new Registry();
  const west = await startCluster('west', { registry });
  t.after(() => west.stop());
  const east = await startCluster('east');
  await east.stop();
  void west.set({ peers: new Map([['east', peerOf(east)]]) });
  assert.match(await registry.metrics(), /^isthmus_peer_connected\{cluster="east"\} 0$/m);
});
