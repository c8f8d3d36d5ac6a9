/** Requests while endpoints die, with requests in flight. */
import assert from 'node:assert/strict';
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
const pods: Awaited<ReturnType<typeof startPod>>[] = [];

async function pod(name: string, delayMs = 0) {
  const started = await startPod(name, (incoming, response) => {
    incoming.resume();
    setTimeout(() => response.end(JSON.stringify({ pod: name })), delayMs);
  });
  pods.push(started);
  return started;
}

before(async () => {
  west = await startCluster('west');
  east = await startCluster('east');
  const eastPod = await pod('east-pod');
  await east.set({ ...exporting([eastPod.endpoint]), peers: new Map([['west', peerOf(west)]]) });
  await west.set({
    ...exporting([]),
    listeners: new Map([[10_001, listener(10_001, { local: true, clusters: ['east'] })]]),
    peers: new Map([['east', peerOf(east)]]),
  });
  await until('linked', () => west.gateway.peers.candidate('east', 'shop/backend').weight === 1);
});

after(async () => {
  for (const each of pods) each.destroy();
  await Promise.all([west.stop(), east.stop()]);
});

test('local pods destroyed with requests in flight cost no idempotent request', async () => {
  const local = [await pod('w1', 100), await pod('w2', 100)];
  await west.set(exporting(local.map((each) => each.endpoint)));
  const inFlight = Array.from({ length: 40 }, () => request(west.host, 10_001));
  await new Promise((resolve) => setTimeout(resolve, 40));
  for (const each of local) each.destroy();
  const answers = await Promise.all(inFlight);
  assert.deepEqual(new Set(answers.map((each) => each.status)), new Set([200]));
  const later = await Promise.all(Array.from({ length: 40 }, () => request(west.host, 10_001)));
  assert.deepEqual(new Set(later.map((each) => JSON.parse(each.body).pod)), new Set(['east-pod']));
});

test('a POST in flight is not sent twice, one that was never sent is', async () => {
  const dying = await pod('dying', 200);
  // A mirror of its own: its group is filled for the first time and starts at full weight.
  const route = listener(10_002, { mirror: 'shop/backend-posts', local: true });
  await west.set({ ...exporting([dying.endpoint]), listeners: new Map([[10_002, route]]) });
  assert.match((await request(west.host, 10_002)).body, /dying/);
  const posted = request(west.host, 10_002, { method: 'POST', body: 'once' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  dying.destroy();
  const answer = await posted;
  assert.equal(answer.status, 502);
  assert.equal(answer.headers['isthmus-error'], 'UPSTREAM_RESET');
  const wider = { ...route, clusters: ['east'] };
  await west.set({ listeners: new Map([[10_002, wider]]) });
  const next = await request(west.host, 10_002, { method: 'POST', body: 'again' });
  assert.equal(next.status, 200);
  assert.match(next.body, /east-pod/);
});
