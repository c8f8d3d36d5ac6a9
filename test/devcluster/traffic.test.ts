/** Pods that answer, Service addresses that follow them, faults. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Address } from '#core/network.ts';
import { loopbackNetwork, type Network } from '#core/network.ts';
import { asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { networkFromSpec } from '#runtime/network.ts';
import { eventually, shop, startWorld, type World } from './world.ts';

const APPS = '/apis/apps/v1/namespaces/shop/deployments';
const PODS = '/api/v1/namespaces/shop/pods';
const MERGE = { type: 'application/merge-patch+json' };
const directory = mkdtempSync(join(tmpdir(), 'isthmus-mapped-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** One GET over a connection of its own. */
function get(address: Address): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...address, agent: false, path: '/' }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve(JSON.parse(text)));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

async function deploy(world: World, objects: JsonObject[]): Promise<void> {
  const [namespace, deployment, service] = objects;
  await world.call('POST', '/api/v1/namespaces', namespace);
  await world.call('POST', APPS, deployment);
  await world.call('POST', '/api/v1/namespaces/shop/services', service);
}

async function ready(world: World, count: number): Promise<void> {
  await eventually(`${count} pods are ready`, async () => {
    const { body } = await world.call('GET', `${APPS}/backend`);
    const status = (field: string) => at(body, 'status', field) ?? 0;
    return status('readyReplicas') === count && status('replicas') === count;
  });
}

async function serviceAddress(world: World, network: Network): Promise<Address> {
  const { body } = await world.call('GET', '/api/v1/namespaces/shop/services/backend');
  return network.locate({ host: asString(at(body, 'spec', 'clusterIP')), port: 8080 });
}

const networks: [string, () => Network][] = [
  ['loopback addresses', () => loopbackNetwork],
  ['a mapped network', () => networkFromSpec(`mapped:${directory}`)],
];
for (const [name, make] of networks) {
  describe(`on ${name}`, () => {
    const network = make();
    let world: World;
    before(async () => {
      world = await startWorld(network);
      await deploy(world, shop(2));
      await ready(world, 2);
    });
    after(() => world.close());

    test('every connection is answered while the Deployment is scaled up and down', async () => {
      const address = await serviceAddress(world, network);
      const seen = new Set<string>();
      let answered = 0;
      let scaling = true;
      const client = async () => {
        while (scaling) {
          const body = await get(address);
          assert.equal(body.cluster, 'west');
          seen.add(asString(body.pod));
          answered += 1;
        }
      };
      const clients = [client(), client()];
      // Whole rounds, which end with two.
      for (let at = 0; at % 4 > 0 || at === 0 || answered <= 50; at += 1) {
        const replicas = [5, 1, 4, 2][at % 4] ?? 2;
        await world.call('PATCH', `${APPS}/backend/scale`, { spec: { replicas } }, MERGE);
        await ready(world, replicas);
      }
      scaling = false;
      await Promise.all(clients);
      assert.ok(seen.size >= 3, `pods seen: ${seen.size}`);
    });

    test('a deleted pod is terminating in its slice and still serves for a moment', async () => {
      const { body } = await world.call('GET', PODS);
      const pod = asObjects(body.items).find((item) => !at(item, 'metadata', 'deletionTimestamp'));
      const host = asString(at(pod, 'status', 'podIP'));
      await world.call('DELETE', `${PODS}/${asString(at(pod, 'metadata', 'name'))}`);
      const slices = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices';
      const endpoint = await eventually('the endpoint terminates', async () => {
        const { body } = await world.call('GET', slices);
        return asObjects(body.items)
          .flatMap((slice) => asObjects(slice.endpoints))
          .find((item) => asObjects([item])[0] && at(item, 'conditions', 'terminating') === true);
      });
      assert.equal(at(endpoint, 'conditions', 'ready'), false);
      assert.equal(at(endpoint, 'conditions', 'serving'), true);
      assert.equal((await get(network.locate({ host, port: 8080 }))).cluster, 'west');
      await eventually('it stops', () =>
        get(network.locate({ host, port: 8080 })).then(
          () => false,
          () => true,
        ),
      );
      await ready(world, 2);
    });
  });
}

test('the destroy fault resets requests in flight before any object changes, and hold holds', async () => {
  const world = await startWorld();
  try {
    const env = [{ name: 'ISTHMUS_SAMPLE_LATENCY_MS', value: '5000' }];
    await deploy(world, shop(2, { env }));
    await ready(world, 2);
    const address = await serviceAddress(world, loopbackNetwork);
    const inFlight = get(address).then(
      () => 'answered',
      (error: NodeJS.ErrnoException) => error.code,
    );
    const before = await world.call('GET', PODS);
    await new Promise((resolve) => setImmediate(resolve));
    const target = { namespace: 'shop', selector: 'app=backend' };
    await eventually('the request is on its way', async () => {
      const { body } = await world.call('POST', '/faults/pods/destroy', {
        ...target,
        endpointDelayMs: 300,
        hold: true,
      });
      return asObjects(before.body.items).length === 2 && Array.isArray(body.destroyed);
    });
    assert.equal(await inFlight, 'ECONNRESET');
    const during = await world.call('GET', PODS);
    const versions = (answer: JsonObject) =>
      asObjects(answer.items).map((item) => at(item, 'metadata', 'resourceVersion'));
    assert.deepEqual(versions(during.body), versions(before.body));
    await eventually('replacements run', async () => {
      const { body } = await world.call('GET', PODS);
      const phases = asObjects(body.items).map((item) => at(item, 'status', 'phase'));
      const isNew = asObjects(body.items).every(
        (item) => !versions(before.body).includes(at(item, 'metadata', 'resourceVersion')),
      );
      return isNew && phases.length === 2 && phases.every((phase) => phase === 'Running');
    });
    const { body: held } = await world.call('GET', `${APPS}/backend`);
    assert.equal(at(held, 'status', 'readyReplicas'), undefined);
    const status = await world.call('GET', '/faults');
    assert.equal(asObjects(status.body.holds).length, 1);
    await world.call('POST', '/faults/pods/restore', target);
    await ready(world, 2);
    assert.equal((await world.call('GET', '/faults', undefined, { token: '' })).status, 403);
  } finally {
    await world.close();
  }
});
