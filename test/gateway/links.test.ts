/** Which Links a gateway heeds, and which roots of theirs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import type { Snapshot } from '#gateway/snapshot/types.ts';
import { watchSnapshot } from '#gateway/snapshot/watch.ts';
import { links } from '#kube/resources/builtin.ts';
import { specHash, trustHash } from '#kube/resources/link-hash.ts';
import { createAuthority } from '#test/identity/authority-fixture.ts';
import { MemoryClient } from '#test/mirror/memory-client.ts';
import { peerOf, startCluster, until } from './world.ts';

const OLD = createAuthority('east').trustBundle;
const NEW = createAuthority('east').trustBundle;

async function snapshotOf(...objects: readonly object[]): Promise<Snapshot> {
  const client = new MemoryClient();
  for (const each of objects) client.put(links, each);
  const watching = new AbortController();
  const { promise, resolve } = Promise.withResolvers<Snapshot>();
  watchSnapshot({
    client,
    cluster: 'west',
    advertise: 'pods',
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    signal: watching.signal,
    onSnapshot: resolve,
  });
  try {
    return await promise;
  } finally {
    watching.abort();
  }
}

function link(namespace: string, trustBundle: string, status: object = {}) {
  const gateways = [{ host: '203.0.113.1', port: 4143 }];
  const spec = { clusterName: 'east', trustDomain: 'east.isthmus.local', trustBundle, gateways };
  return { metadata: { name: 'east', namespace }, spec, status };
}

test('a Link in any other namespace than isthmus-system links nobody', async () => {
  const { peers } = await snapshotOf(link('tenant-a', OLD));
  assert.deepEqual([...peers.keys()], []);
});

test('what a peer announced under the present spec is in use', async () => {
  const { spec } = links.parse(link('isthmus-system', OLD));
  assert.ok(spec);
  const gateways = [{ host: '203.0.113.9', port: 4143 }];
  const status = { specHash: specHash(spec), trustBundle: OLD + NEW, gateways };
  const peer = (await snapshotOf(link('isthmus-system', OLD, status))).peers.get('east');
  assert.equal(peer?.trustBundle, OLD + NEW);
  assert.equal(peer?.gateways[0]?.host, '203.0.113.9');
  assert.equal(peer?.trust, trustHash(spec));
});

test('a new bundle in the spec is in use at once, whatever was announced before', async () => {
  const { spec: former } = links.parse(link('isthmus-system', OLD));
  assert.ok(former);
  const gateways = [{ host: '203.0.113.66', port: 4143 }];
  const status = { specHash: specHash(former), trustBundle: OLD, gateways };
  const peer = (await snapshotOf(link('isthmus-system', NEW, status))).peers.get('east');
  assert.equal(peer?.trustBundle, NEW);
  assert.equal(peer?.gateways[0]?.host, '203.0.113.1');
  assert.notEqual(peer?.trust, trustHash(former));
});

test('a Link that trusts others is another link: tunnels end, and what was heard counts no more', async (t) => {
  const west = await startCluster('west');
  t.after(() => west.stop());
  const east = await startCluster('east');
  t.after(() => east.stop());
  await east.set({ peers: new Map([['west', peerOf(west)]]) });
  await west.set({ peers: new Map([['east', peerOf(east)]]) });
  const { peers } = west.gateway;
  await until('heard', () => peers.catalog('east')?.current() !== undefined);
  const [heard, tunnels] = [peers.catalog('east'), peers.tunnels('east')];
  await west.set({ peers: new Map([['east', peerOf(east, { suspended: false })]]) });
  assert.equal(peers.catalog('east'), heard, 'nothing changed');
  await west.set({ peers: new Map([['east', peerOf(east, { trust: 'others' })]]) });
  assert.notEqual(peers.catalog('east'), heard);
  assert.equal(tunnels?.tunnelCount, 0);
  await until('heard anew', () => peers.catalog('east')?.current() !== undefined);
});
