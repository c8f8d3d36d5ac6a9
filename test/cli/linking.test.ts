/** Two clusters told of each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Interruption } from '#cli/interruption.ts';
import {
  applyLink,
  type ClusterFacts,
  checkLink,
  checkNames,
  factsWhenUp,
  linkManifest,
  removeLink,
  waitLinked,
} from '#cli/linking.ts';
import { CLUSTER_CONFIG_MAP, SYSTEM_NAMESPACE, TRUST_BUNDLE_CONFIG_MAP } from '#core/names.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import { configMaps, endpointSlices, links } from '#kube/resources/builtin.ts';
import { createAuthority } from '../identity/authority-fixture.ts';
import { MemoryClient } from '../support/memory-client.ts';

const east: ClusterFacts = {
  name: 'east',
  trustDomain: 'east.isthmus.local',
  trustBundle: createAuthority('east').root,
  gateways: [{ host: '127.20.16.1', port: 4143 }],
};

/** The Link of east at generation 2, whose conditions were written at `observed`. */
async function linked(observed: number) {
  const client = new MemoryClient();
  const wanted = linkManifest(east);
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  const conditions = ['Connected', 'CatalogSynced'].map((type) => ({
    type,
    status: 'True',
    reason: 'Up',
    message: 'up',
    lastTransitionTime,
    observedGeneration: observed,
  }));
  await client.create(links, {
    ...wanted,
    metadata: { ...wanted.metadata, namespace: SYSTEM_NAMESPACE, generation: 2 },
    status: { conditions, observedGeneration: observed },
  } as never);
  return client;
}

async function waits(client: MemoryClient, ended = new AbortController()) {
  const clock = new VirtualClock();
  const waiting = waitLinked({ context: 'west', client }, 'east', clock, 1_000, ended.signal);
  waiting.catch(() => undefined);
  await clock.pass(2_000);
  return waiting;
}

test('conditions of an earlier generation say nothing about this one', async () => {
  await assert.rejects(waits(await linked(1)), {
    code: 'TIMED_OUT',
    message: 'context west: Link east is not up: Connected: not observed yet',
  });
  await waits(await linked(2));
});

test('a wait that is interrupted ends with the interruption', async () => {
  const ended = new AbortController();
  ended.abort(new Interruption('SIGTERM'));
  await assert.rejects(
    waits(await linked(1), ended),
    (error) => error instanceof Interruption && error.exitCode === 143,
  );
});

/** What the cluster that `client` asks says of itself while it comes up, or in the end does not. */
async function comesUp(client: MemoryClient) {
  const clock = new VirtualClock();
  const facts = factsWhenUp({ context: 'east', client }, { clock, everyMs: 20, forMs: 1_000 });
  facts.catch(() => undefined);
  await clock.pass(2_000);
  return await Promise.race([facts, new Promise((resolve) => setImmediate(resolve, 'waits'))]);
}

test('a cluster that has no address for its gateways is not waited for without end', async () => {
  const client = new MemoryClient();
  await assert.rejects(comesUp(client), { code: 'NOT_INSTALLED' });
  const namespace = SYSTEM_NAMESPACE;
  const configured = (name: string, data: object) =>
    client.create(configMaps, { metadata: { name, namespace }, data } as never);
  await configured(CLUSTER_CONFIG_MAP, { clusterName: 'east', advertise: 'pods' });
  await configured(TRUST_BUNDLE_CONFIG_MAP, { 'ca.crt': east.trustBundle });
  await assert.rejects(comesUp(client), {
    code: 'TIMED_OUT',
    message: 'east has no address for its gateways',
  });
  await client.create(endpointSlices, {
    metadata: { name: 'gateways', namespace },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.20.1.1'] }],
    ports: [],
  } as never);
  assert.deepEqual(await comesUp(client), {
    ...east,
    gateways: [{ host: '127.20.1.1', port: 4143 }],
  });
});

test('two contexts of one cluster are refused, with what to do instead', () => {
  assert.throws(() => checkNames(east, east, 'Name others.'), {
    code: 'CLUSTER_NAME_CONFLICT',
    next: 'Name others.',
  });
  assert.doesNotThrow(() => checkNames(east, { ...east, name: 'west' }));
});

/** A client of a cluster whose Link `name` stands for the cluster `clusterName`. */
async function withLink(name: string, clusterName: string) {
  const client = new MemoryClient();
  const { spec, ...link } = linkManifest(east);
  await client.create(links, {
    ...link,
    metadata: { name, namespace: SYSTEM_NAMESPACE },
    spec: { ...spec, clusterName },
  } as never);
  return { context: 'west', client };
}

test('a Link that stands for another cluster is neither overwritten nor deleted for its name', async () => {
  const cluster = await withLink('east', 'frankfurt');
  const refused = {
    code: 'CLUSTER_NAME_CONFLICT',
    message: /Link east stands for the cluster "frankfurt"/,
  };
  await assert.rejects(applyLink(cluster.client, east), refused);
  await assert.rejects(checkLink(cluster, 'east'), refused);
  await assert.rejects(removeLink(cluster, 'east'), refused);
  const kept = await cluster.client.get(links, 'east', SYSTEM_NAMESPACE);
  assert.equal(kept?.clusterName, 'frankfurt');
});

test('a cluster that is linked by a Link of another name is told of, and not unlinked in silence', async () => {
  const cluster = await withLink('to-east', 'east');
  const refused = {
    code: 'CLUSTER_NAME_CONFLICT',
    message: 'context west: Link to-east already names the cluster "east"',
    next: /kubectl --context west -n isthmus-system delete link to-east/,
  };
  await assert.rejects(checkLink(cluster, 'east'), refused);
  await assert.rejects(removeLink(cluster, 'east'), refused);
});

test('the Link of a peer is removed once', async () => {
  const cluster = await withLink('east', 'east');
  assert.equal(await removeLink(cluster, 'east'), true);
  assert.equal(await removeLink(cluster, 'east'), false);
});
