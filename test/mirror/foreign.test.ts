/** Objects of somebody else that stand where one of ours would, whether a watch has told of them or not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointSlices, links, serviceExports, services } from '#kube/resources/builtin.ts';
import { eventually } from '../kube/support.ts';
import { backend, labelled, linked, run, snapshot, world } from './stage.ts';

test('objects of a user that no watch has told of yet are neither written nor deleted, but told', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  client.put(services, labelled('frontend'));
  await eventually('the export', () => client.all(serviceExports).size === 1);
  client.lag(services, endpointSlices);
  const metadata = { name: 'backend-east', namespace: 'shop', labels: { app: 'mine' } };
  const service = client.put(services, { metadata, spec: { ports: [{ port: 443 }] } });
  const sliceOf = { name: 'backend-global-ipv4', namespace: 'shop' };
  const slice = client.put(endpointSlices, {
    metadata: sliceOf,
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.9.9.9'] }],
  });
  const count = client.writes.length;
  gateway.say(snapshot(1, backend()));
  await eventually('the other mirror', () => client.all(services).has('shop/backend-global'));
  await eventually('news of the Service', () =>
    stage.news.some((each) => each.about.kind === 'Service' && each.reason === 'NameClash'),
  );
  client.catchUp();
  await eventually('news of the slice', () =>
    stage.news.some((each) => each.message.includes('backend-global-ipv4')),
  );
  await eventually('status', () => stage.condition('CatalogSynced')?.reason === 'PartlyImported');
  client.drop(links, 'isthmus-system/east');
  await eventually('unlinked', () => !client.all(services).has('shop/backend-global'));
  assert.equal(client.all(services).get('shop/backend-east'), service);
  assert.equal(client.all(endpointSlices).get('shop/backend-global-ipv4'), slice);
  const written = client.writes.slice(count).filter((each) => each.includes('backend-east'));
  assert.deepEqual(written, []);
});

test('a ServiceExport of a user that no watch has told of yet is taken over by nobody', async () => {
  const client = world();
  await using stage = run(client);
  await eventually('synced', () => stage.controller.unready() === undefined);
  client.lag(serviceExports);
  client.put(serviceExports, { metadata: { name: 'frontend', namespace: 'shop' } });
  const service = client.put(services, labelled('frontend'));
  await eventually('it was looked at', () => client.gets > 0);
  client.put(services, { ...service, metadata: { ...service.metadata, labels: {} } });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const kept = client.all(serviceExports).get('shop/frontend');
  assert.deepEqual([kept?.metadata.labels, kept?.metadata.ownerReferences], [undefined, undefined]);
  assert.ok(!client.writes.some((each) => each === 'apply serviceexports shop/frontend'));
});

test('an object of a user that appears between a look and the write is not taken over, but told', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  const metadata = { name: 'backend-east', namespace: 'shop', labels: { app: 'mine' } };
  let mine: unknown;
  client.afterGet = (_, key) => {
    if (key === 'shop/backend-east') {
      mine ??= client.put(services, { metadata, spec: { ports: [{ port: 443 }] } });
    }
  };
  gateway.say(snapshot(1, backend()));
  await eventually('news', () => stage.news.some((each) => each.about.kind === 'Service'));
  await eventually('quiet', () => stage.controller.backlog().depth === 0);
  assert.equal(client.all(services).get('shop/backend-east'), mine);
});

test('a successor of a mirror that a user made is not overwritten', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  gateway.say(snapshot(1, backend()));
  await eventually('synced', () => stage.condition('CatalogSynced')?.reason === 'Synced');
  await eventually('quiet', () => stage.controller.backlog().depth === 0);
  client.lag(services, endpointSlices);
  client.drop(services, 'shop/backend-east');
  const metadata = { name: 'backend-east', namespace: 'shop', labels: { app: 'mine' } };
  const mine = client.put(services, { metadata, spec: { ports: [{ port: 443 }] } });
  gateway.say(snapshot(2, { ...backend(), ports: [{ name: 'http', port: 9090 }] }));
  await eventually('the refusal', () => stage.controller.backlog().failing > 0);
  client.catchUp();
  await eventually('news', () => stage.news.some((each) => each.reason === 'NameClash'));
  await eventually('quiet', () => stage.controller.backlog().depth === 0);
  assert.equal(client.all(services).get('shop/backend-east'), mine);
});
