/** Who sends requests away says so in its catalog, and nobody spills onto it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#core/log.ts';
import type { Balancer } from '#gateway/balance/balancer.ts';
import { OwnCatalog } from '#gateway/catalog/own.ts';
import { HOLD_MS, Spilling } from '#gateway/catalog/spilling.ts';
import { emptySnapshot } from '#gateway/snapshot/types.ts';
import { HandClock } from './loss/memory.ts';
import { exporting, listener, peerOf, request, startCluster, startPod } from './world.ts';

test('a service that spills is told at once, and taken back only after a while without', () => {
  const clock = new HandClock();
  const service = { name: 'shop/backend', spilling: false };
  const balancer = { entries: () => [['key', service]] } as unknown as Balancer;
  let changes = 0;
  const onChange = () => {
    changes += 1;
  };
  const spilling = new Spilling({ clock, balancer, onChange });
  const catalog = new OwnCatalog('epoch', (name) => spilling.has(name), silentLogger);
  const { exports } = exporting([]);
  const visibleExports = new Set(['shop/backend']);
  const peers = new Map([['east', { clusterName: 'east', visibleExports } as never]]);
  const cluster = { name: 'west', version: '0', trustBundle: '', gateways: [] };
  const told = () => {
    catalog.update({ ...emptySnapshot, exports, peers }, cluster);
    return catalog.viewOf('east').current()?.exports.get('shop/backend')?.spilling;
  };
  clock.advance(250);
  assert.deepEqual([changes, told()], [0, undefined]);
  service.spilling = true;
  clock.advance(250);
  assert.deepEqual([changes, told()], [1, true]);
  clock.advance(250);
  service.spilling = false;
  clock.advance(HOLD_MS - 250);
  assert.deepEqual([changes, told()], [1, true]);
  clock.advance(500);
  assert.deepEqual([changes, told()], [2, undefined]);
  spilling.close();
  assert.equal(clock.pending, 0);
});

test('a cluster hears that another has lost pods, and that they are back', async () => {
  const pod = await startPod('one');
  const dead = { host: '127.0.0.1', port: 1, podName: 'dead' };
  const [west, east] = await Promise.all([startCluster('west'), startCluster('east')]);
  await east.set({ peers: new Map([['west', peerOf(west)]]) });
  await west.set({
    ...exporting([pod.endpoint, dead, { ...dead, port: 2 }]),
    peers: new Map([['east', peerOf(east)]]),
    listeners: new Map([[10_001, listener(10_001, { local: true, clusters: ['east'] })]]),
  });
  const spills = () => east.gateway.peers.candidate('west', 'shop/backend').spilling === true;
  // Two of three refuse: what is left is less than what the service needs.
  const deadlineMs = performance.now() + 8_000;
  while (!spills() && performance.now() < deadlineMs) {
    await request(west.host, 10_001).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(spills(), 'east was not told');
  pod.destroy();
  await Promise.all([west.stop(), east.stop()]);
});
