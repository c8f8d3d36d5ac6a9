/** What the API server refuses to make: who is told, and what goes on beside it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsthmusError } from '#core/errors.ts';
import { StatusError } from '#kube/client.ts';
import { endpointSlices, services } from '#kube/resources/builtin.ts';
import { plan } from '#mirror/plan.ts';
import { eventually } from '../kube/support.ts';
import { backend, gateways, linked, snapshot } from './stage.ts';
import { inputOf } from './world.ts';

const link = {
  metadata: { name: 'east', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: {
    clusterName: 'east',
    trustDomain: 'e',
    trustBundle: 'TEST_ROOT',
    import: { createNamespaces: true },
  },
};

test('a namespace that may not be made is told, and the Link does not call itself synced', () => {
  const catalogs = {
    east: { exports: [{ namespace: 'made', name: 'x', ports: [{ port: 80 }] }] },
  };
  const refused = { made: 'namespaces is forbidden' };
  const { actions, findings } = plan(inputOf({ about: '', links: [link], catalogs, refused }));
  assert.deepEqual(
    findings.map(({ reason, message, link: name }) => [name, reason, message]),
    [
      [
        'east',
        'WriteRefused',
        'namespace "made" cannot be created: namespaces is forbidden: create it, or leave it out of spec.import.namespaces',
      ],
    ],
  );
  assert.match(JSON.stringify(actions), /"reason":"PartlyImported"/);
  assert.ok(
    actions.some((each) => each.kind === 'Namespace'),
    'it is tried again',
  );
});

test('a ServiceExport that may not be made for a label is told on its Service', () => {
  const backend = {
    metadata: {
      name: 'backend',
      namespace: 'shop',
      uid: 'u',
      labels: { 'isthmus.dev/export': 'true' },
    },
    spec: { ports: [{ port: 80 }] },
  };
  const refused = { 'shop/backend': 'a policy forbids it' };
  const { findings } = plan(inputOf({ about: '', services: [backend], refused }));
  assert.deepEqual(
    findings.map(({ about, reason, message }) => [about.kind, about.name, reason, message]),
    [
      [
        'Service',
        'backend',
        'ExportRefused',
        'the ServiceExport for the label isthmus.dev/export cannot be made: a policy forbids it: correct what forbids it, or take the label away',
      ],
    ],
  );
});

test('a mirror whose new labels are refused follows the gateways all the same', async () => {
  await using stage = await linked();
  const { client, gateway } = stage;
  gateway.say(snapshot(1, backend('bad')));
  const addresses = () =>
    client.all(endpointSlices).get('shop/bad-east-ipv4')?.endpoints[0]?.addresses;
  await eventually('the mirror', () => addresses() !== undefined);
  client.refuse = (verb, { kind }, object) => {
    if (object !== 'shop/bad-east' || kind !== 'Service') return;
    const cause = new StatusError(403, 'Forbidden', 'a policy forbids the label team');
    throw new IsthmusError('API_REFUSED', `refused ${verb}`, { cause });
  };
  gateway.say(snapshot(2, { ...backend('bad'), exportedLabels: { team: 'x' } }));
  await eventually(
    'the finding',
    () => stage.condition('CatalogSynced')?.reason === 'PartlyImported',
  );
  gateways(client, '10.0.1.9');
  await eventually('the new gateway', () => addresses()?.[0] === '10.0.1.9');
  assert.equal(client.all(services).get('shop/bad-east')?.metadata.labels?.team, undefined);
});
