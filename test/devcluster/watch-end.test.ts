/** Watches whose time is up while their reader is behind, as after a night in which the machine slept. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import { assemble } from '#devcluster/api/assemble.ts';
import type { KubeObject } from '#devcluster/values/json.ts';

/** More than the buffers of a connection hold. */
const BEHIND_BYTES = 32 * 1024 * 1024;

const clock = new VirtualClock();
const { context } = assemble({
  cluster: 'west',
  block: 10,
  clock,
  random: systemRandom,
  log: silentLogger,
});
const { registry, store, watches } = context;
const def = registry.find('', 'v1', 'configmaps');
const plain = { encoding: 'json', as: '', version: '' } as const;
const server = http.createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? '', 'http://any');
  assert.ok(def);
  watches.serve(def, '', searchParams, plain, response, 'me');
});
before(() => new Promise<void>((done) => server.listen(0, '127.0.0.1', done)));
after(() => server.close());

function configMap(name: string, bytes: number): KubeObject {
  const metadata = {
    name,
    namespace: 'shop',
    uid: name,
    resourceVersion: '',
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { text: 'x'.repeat(bytes) } };
}

test('a watch that has ended is told nothing more, however long its reader takes', async () => {
  assert.ok(def);
  store.put(def.storage, configMap('large', BEHIND_BYTES));
  const { port } = server.address() as AddressInfo;
  const path = '/?watch=true&allowWatchBookmarks=true&timeoutSeconds=10';
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get({ port, host: '127.0.0.1', path, agent: false }, resolve).on('error', reject);
  });
  assert.equal(watches.count, 1);
  // Its time, then the bookmark that all watches get, then a change.
  await clock.pass(40_000);
  store.put(def.storage, configMap('late', 1));
  let text = '';
  for await (const chunk of response) text += String(chunk);
  const types = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).type);
  assert.deepEqual(types, ['ADDED', 'BOOKMARK']);
  assert.equal(watches.count, 0);
});
