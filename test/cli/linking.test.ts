/** Two clusters told of each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Interruption } from '#cli/interruption.ts';
import {
  type ClusterFacts,
  checkNames,
  factsWhenUp,
  linkManifest,
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
