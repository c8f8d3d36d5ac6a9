/** The loop, from watch to write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '#core/clock.ts';
import {
  endpointSlices,
  links,
  namespaces,
  serviceExports,
  services,
} from '#kube/resources/builtin.ts';
import { eventually } from '../kube/support.ts';
import { backend, gateways, linked, run, snapshot, world } from './stage.ts';

test('an export appears, follows its ports and the gateways, and goes again', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  gateway.say(snapshot(1, backend()));
  const slice = () => client.all(endpointSlices).get('shop/backend-global-ipv4');
  await eventually('both mirrors', () => client.all(services).size === 2 && slice() !== undefined);
  assert.deepEqual([...client.all(services).keys()], ['shop/backend-east', 'shop/backend-global']);
  const mirror = client.all(services).get('shop/backend-global');
  assert.equal(slice()?.metadata.ownerReferences?.[0]?.uid, mirror?.metadata.uid);
  assert.equal(slice()?.ports[0]?.port, mirror?.spec.ports?.[0]?.targetPort);
  await eventually('status', () => stage.condition('CatalogSynced')?.status === 'True');
  assert.equal(client.all(links).get('isthmus-system/east')?.status.importedServices, 1);

  gateways(client, '10.0.1.3');
  await eventually('new gateways', () => slice()?.endpoints[0]?.addresses[0] === '10.0.1.3');
  gateway.say({
    kind: 'delta',
    position: { epoch: 'e', revision: 2 },
    changed: [{ ...backend(), ports: [{ name: 'http', port: 9090 }] }],
  });
  await eventually(
    'the new port',
    () => client.all(services).get('shop/backend-east')?.spec.ports?.[0]?.port === 9090,
  );
  gateway.say({ kind: 'delta', position: { epoch: 'e', revision: 3 }, removed: ['shop/backend'] });
  await eventually('nothing left', () => client.all(services).size === 0 && slice() === undefined);
});

test('once everything is as it should be, nothing is written any more', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  gateway.say(snapshot(1, backend()));
  await eventually('status', () => stage.condition('CatalogSynced')?.reason === 'Synced');
  const status = () => client.all(links).get('isthmus-system/east')?.status.importedServices;
  await eventually('quiet', () => status() === 1 && stage.controller.backlog().depth === 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const count = client.writes.length;
  for (let index = 0; index < 5; index += 1) {
    stage.controller.changed();
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  assert.deepEqual(client.writes.slice(count), []);
});

test('a label becomes an export well within a second, and its removal removes it', async () => {
  const client = world();
  await using _stage = run(client);
  const service = {
    metadata: { name: 'frontend', namespace: 'shop', labels: {} },
    spec: { ports: [{ port: 80 }] },
  };
  client.put(services, service);
  await eventually('synced', () => client.all(services).size === 1);
  const labels = { 'isthmus.dev/export': 'true' };
  const beganMs = performance.now();
  client.put(services, { ...service, metadata: { ...service.metadata, labels } });
  const status = () => client.all(serviceExports).get('shop/frontend')?.status?.conditions;
  await eventually('valid', () => status()?.[0]?.reason === 'Valid');
  assert.ok(performance.now() - beganMs < 1_000);
  client.put(services, service);
  await eventually('gone', () => client.all(serviceExports).size === 0);
});

test('a broken stream is opened again and takes nothing away; a lost peer is a condition', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  gateway.say(snapshot(1, backend()));
  await eventually('mirrors', () => client.all(services).size === 2);
  gateway.fail(new Error('reset'));
  await eventually('again', () => gateway.opened() > 1);
  gateway.disconnect();
  await eventually('condition', () => stage.condition('Connected')?.status === 'False');
  assert.equal(client.all(services).size, 2);
  assert.equal(client.writes.filter((each) => each.startsWith('delete')).length, 0);
  client.drop(links, 'isthmus-system/east');
  await eventually('unlinked', () => client.all(services).size === 0);
});

test('a namespace that is missing is told once, and its services come when it does', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  gateway.say(snapshot(1, { ...backend(), namespace: 'later' }));
  await eventually('news', () => stage.news.length > 0);
  assert.equal(stage.news[0]?.reason, 'NamespaceMissing');
  client.put(namespaces, { metadata: { name: 'later' } });
  await eventually('mirrors', () => client.all(services).has('later/backend-global'));
  assert.equal(stage.news.length, 1);
});

test('a plan that took long is followed by as long a time for writes', async () => {
  let aheadMs = 0;
  const delays: number[] = [];
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    // It is asked for once a plan, which so takes longer than any of a real cluster.
    wallMs: () => {
      aheadMs += 7_000;
      return systemClock.wallMs();
    },
    after: (delayMs, callback) => {
      delays.push(delayMs);
      return systemClock.after(Math.min(delayMs, 50), callback);
    },
  };
  await using stage = run(world(), undefined, { clock });
  await eventually('a plan', () => aheadMs > 0);
  stage.controller.changed();
  const isLong = (delayMs: number) => delayMs >= 7_000 && delayMs < 8_000;
  await eventually('a pause of the same length', () => delays.some(isLong));
});
