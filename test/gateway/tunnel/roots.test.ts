/** What a peer's change of its roots does to what is under way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepsRoots } from '#gateway/tunnel/roots.ts';
import { createAuthority } from '#test/identity/authority-fixture.ts';
import { exporting, listener, peerOf, request, startCluster, startPod, until } from '../world.ts';

test('a root that is added breaks off nothing, one that is taken away does', async (t) => {
  const west = await startCluster('west');
  const east = await startCluster('east');
  let asked = 0;
  const answers: (() => void)[] = [];
  const pod = await startPod('east-pod', (incoming, response) => {
    incoming.resume();
    if (incoming.method === 'GET') response.end();
    else {
      asked += 1;
      answers.push(() => response.end('whole'));
    }
  });
  t.after(() => Promise.all([pod.destroy(), west.stop(), east.stop()]));
  await east.set({ ...exporting([pod.endpoint]), peers: new Map([['west', peerOf(west)]]) });
  const trust = (trustBundle: string) =>
    west.set({ peers: new Map([['east', peerOf(east, { trustBundle })]]) });
  await west.set({ listeners: new Map([[10_001, listener(10_001, { clusters: ['east'] })]]) });
  await trust(east.authority.trustBundle);
  await until('served', async () => (await request(west.host, 10_001)).status === 200);
  const ask = async () => {
    const before = asked;
    const answer = request(west.host, 10_001, { method: 'POST', body: 'x' });
    await until('asked', () => asked > before);
    return answer;
  };
  const renewed = createAuthority('east').trustBundle;
  const kept = ask();
  await until('asked', () => asked === 1);
  await trust(east.authority.trustBundle + renewed);
  // Were the tunnels cut, the answer would find none.
  await new Promise((resolve) => setTimeout(resolve, 100));
  answers.shift()?.();
  assert.equal((await kept).body, 'whole');
  const cut = ask();
  await until('asked', () => asked === 2);
  await trust(renewed);
  assert.equal((await cut).status, 502);
});

test('a bundle keeps roots whatever their order and lines, and nothing that holds none is kept', () => {
  const [a, b] = [createAuthority('a').trustBundle, createAuthority('b').trustBundle];
  assert.ok(keepsRoots(a, b + a));
  assert.ok(keepsRoots(a, a.replaceAll('\n', '\r\n')));
  assert.ok(!keepsRoots(a + b, a));
  assert.ok(!keepsRoots(a, b));
  assert.ok(!keepsRoots('', a));
});
