/**
 * A link of one megabit a second that is full in both directions: slow is not dead. `npm run soak -- slow-link` fills it
 * for longer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { saturate } from '#bench/soak/saturation.ts';
import { MEGABIT, SlowLink } from '#bench/soak/slow-link.ts';
import { exporting, listener, peerOf, request, startCluster, startPod, until } from '../world.ts';

const PORT = 10_001;
const SECONDS = 6;
/** What the windows of both directions hold stands before a small request: two seconds each way, and some. */
const SMALL_MS = 8_000;
const CATALOG_MS = 5_000;
const BLOCK = Buffer.alloc(64 * 1_024);

test('a full link of 1 Mbit/s loses no tunnel, lets small requests pass and carries the catalog', async (t) => {
  const west = await startCluster('west');
  const east = await startCluster('east');
  const pod = await startPod('east-pod', (incoming, response) => {
    incoming.resume();
    if (!incoming.url?.startsWith('/bytes/')) {
      incoming.on('end', () => response.end('east'));
      return;
    }
    const more = () => {
      while (!response.destroyed && response.write(BLOCK));
    };
    response.on('drain', more);
    more();
  });
  const link = new SlowLink({ host: east.host, port: 4143 });
  t.after(async () => {
    pod.destroy();
    link.stop();
    await Promise.all([west.stop(), east.stop()]);
  });
  await east.set({ ...exporting([pod.endpoint]), peers: new Map([['west', peerOf(west)]]) });
  await west.set({
    listeners: new Map([[PORT, listener(PORT, { clusters: ['east'] })]]),
    peers: new Map([['east', peerOf(east, { gateways: [await link.start()] })]]),
  });
  await until('served', async () => (await request(west.host, PORT)).status === 200);
  const weight = () => west.gateway.peers.candidate('east', 'shop/backend').weight;
  await until('heard of', () => weight() === 1);
  const connections = link.connections;
  const [there = 0, back = 0] = link.passed;
  const load = saturate({ host: west.host, port: PORT, seconds: SECONDS });
  await new Promise((resolve) => setTimeout(resolve, (SECONDS * 1_000) / 2));
  await east.set(exporting([pod.endpoint, pod.endpoint]));
  await until('the catalog came', () => weight() === 2, CATALOG_MS);
  const { asked, answered, medianMs, maxMs, failures } = await load;
  t.diagnostic(`${asked} small requests, median ${Math.round(medianMs)} ms, at most ${maxMs} ms`);
  assert.deepEqual(failures, []);
  assert.ok(answered >= SECONDS * 2, `${answered} answered`);
  assert.ok(maxMs < SMALL_MS, `a small request took ${maxMs} ms`);
  const passed = [(link.passed[0] ?? 0) - there, (link.passed[1] ?? 0) - back];
  for (const bytes of passed) assert.ok(bytes > SECONDS * MEGABIT * 0.6, `not full: ${passed}`);
  assert.equal(link.connections, connections, 'a tunnel was lost');
  assert.ok(west.gateway.peers.tunnels('east')?.connected);
});
