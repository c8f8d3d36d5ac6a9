/**
 * The main job, whole: link, export, call, scale, outage, gateways killed, unlink. Every process is
 * the real one, under the Roles of `manifests/install`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EAST, WEST } from '#cli/dev/demo.ts';
import { removeLink } from '#cli/linking.ts';
import type { HttpKubeClient } from '#kube/http-client.ts';
import {
  endpointSlices,
  links,
  serviceExports,
  services,
  trafficPolicies,
} from '#kube/resources/builtin.ts';
import type { KubeObject } from '#kube/types.ts';
import { get, patch, type Stage, setStage, shares, until } from './stage.ts';

/** Slow machines are slow; the figures of the README come from `isthmus dev`. */
const SOON_MS = 10_000;
const PROPAGATION_MS = 1_000;

for (const network of ['loopback', 'mapped'] as const) {
  describe(`two clusters on the ${network} network`, () => {
    let stage: Stage;
    let west: HttpKubeClient;
    let east: HttpKubeClient;

    before(async () => {
      stage = await setStage({ network });
      west = stage.demo.cluster(WEST).client;
      east = stage.demo.cluster(EAST).client;
      await until('backend-global', SOON_MS, () => exists(west, 'backend-global'));
      await until('an answer', SOON_MS, () => answers(stage, WEST, 'backend-global'));
    });
    after(() => stage?.end());

    test('each cluster has the mirrors of the other, pointing at its own gateways', async () => {
      const expected = ['shop/backend-east', 'shop/backend-global'];
      await until('mirrors', SOON_MS, async () => same(await mirrorNames(west), expected));
      const theirs = ['shop/backend-global', 'shop/backend-west'];
      await until('mirrors in east', SOON_MS, async () => same(await mirrorNames(east), theirs));
      const gateways = stage.demo.cluster(WEST).gateways.map((each) => each.ip);
      await until('slices', SOON_MS, async () => {
        const slices = await west.list(endpointSlices, {
          namespace: 'shop',
          labelSelector: 'kubernetes.io/service-name=backend-east',
        });
        const addresses = slices.flatMap((each) => each.endpoints.flatMap((of) => of.addresses));
        return same(addresses.sort(), gateways.sort());
      });
    });

    test('backend-east is east alone, backend-global prefers the local cluster', async () => {
      await until('an answer of east', SOON_MS, () => answers(stage, WEST, 'backend-east'));
      assert.deepEqual(await shares(await stage.address(WEST, 'backend-east'), 30), { east: 30 });
      const { west: local = 0 } = await shares(await stage.address(WEST, 'backend-global'), 100);
      assert.ok(local >= 95, `west answered ${local} of 100`);
    });

    test('a Link says it is connected, and counts services', async () => {
      await until('connected', SOON_MS, async () => {
        const { status } = (await west.get(links, EAST, 'isthmus-system')) ?? {};
        return (
          status?.importedServices === 1 &&
          status.exportedServices === 1 &&
          status.conditions?.filter((each) => each.status === 'True').length === 3
        );
      });
    });

    test('a TrafficPolicy says whether it is in force, and is obeyed', async () => {
      const policy = (name: string, target: string) =>
        ({
          apiVersion: 'isthmus.dev/v1alpha1',
          kind: 'TrafficPolicy',
          metadata: { name, namespace: 'shop' },
          spec: {
            targetRefs: [{ kind: 'Service', name: target }],
            limits: { requestsPerSecond: 1, burst: 1 },
          },
        }) as unknown as KubeObject;
      const reasonOf = async (name: string) => {
        const found = await west.get(trafficPolicies, name, 'shop');
        return found?.status.conditions?.find((each) => each.type === 'Accepted')?.reason;
      };
      await west.apply(trafficPolicies, policy('slow', 'backend-global'));
      await west.apply(trafficPolicies, policy('nobody', 'not-there'));
      await until('accepted', SOON_MS, async () => (await reasonOf('slow')) === 'Accepted');
      await until(
        'no target',
        SOON_MS,
        async () => (await reasonOf('nobody')) === 'TargetNotFound',
      );
      const address = await stage.address(WEST, 'backend-global');
      const failures = async () => {
        const all = await Promise.allSettled(Array.from({ length: 10 }, () => get(address)));
        return all.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
      };
      await until('turned away', SOON_MS, async () =>
        (await failures()).some((each) => each.includes('RATE_LIMITED')),
      );
      await west.delete(trafficPolicies, 'slow', 'shop');
      await west.delete(trafficPolicies, 'nobody', 'shop');
      await until('all answered', SOON_MS, async () => (await failures()).length === 0);
    });

    test('a label exports a service within a second, its removal takes it back', async () => {
      await label(stage, 'true');
      const appearedMs = await until('frontend-west', SOON_MS, () => exists(east, 'frontend-west'));
      await until('its answer', SOON_MS, () => answers(stage, EAST, 'frontend-west'));
      const { cluster } = await get(await stage.address(EAST, 'frontend-west'));
      assert.equal(cluster, WEST);
      await label(stage, null);
      const goneMs = await until(
        'gone',
        SOON_MS,
        async () => !(await exists(east, 'frontend-west')),
      );
      assert.ok(appearedMs < PROPAGATION_MS, `appeared after ${appearedMs} ms`);
      assert.ok(goneMs < PROPAGATION_MS, `gone after ${goneMs} ms`);
    });

    test('an export of a missing Service gets a condition, and nothing else stops', async () => {
      const name = 'nothing-here';
      await west.create(serviceExports, serviceExport(name));
      await until('Valid=False', SOON_MS, async () => {
        const found = await west.get(serviceExports, name, 'shop');
        const valid = found?.status?.conditions?.find((each) => each.type === 'Valid');
        return valid?.status === 'False' && valid.reason === 'NoService';
      });
      await west.delete(serviceExports, name, 'shop');
      assert.ok(await answers(stage, WEST, 'backend-global'));
    });

    test('a malformed bundle, a closed port and a name used twice each get a condition', async () => {
      const good = (await west.get(links, EAST, 'isthmus-system'))?.spec;
      assert.ok(good);
      const bad = {
        garbled: { ...good, clusterName: 'north', trustBundle: 'no certificate' },
        closed: {
          ...good,
          clusterName: 'south',
          gateways: [{ host: '127.0.0.1', port: 1, transport: 'tls' }],
        },
        twice: { ...good },
      };
      for (const [name, spec] of Object.entries(bad)) await west.create(links, linkOf(name, spec));
      const says = (name: string, pattern: RegExp) =>
        until(`${name} says ${pattern}`, SOON_MS, async () => {
          const found = await west.get(links, name, 'isthmus-system');
          const conditions = found?.status.conditions ?? [];
          return conditions.some((each) => each.status === 'False' && pattern.test(each.message));
        });
      await says('garbled', /spec\.trustBundle/);
      await says('closed', /spec\.gateways.*ECONNREFUSED/s);
      await says('twice', /spec\.clusterName/);
      assert.ok(await answers(stage, WEST, 'backend-global'));
      for (const name of Object.keys(bad)) await west.delete(links, name, 'isthmus-system');
      assert.ok(await exists(west, 'backend-east'), 'the good Link keeps its mirrors');
    });

    test('no request is lost while the local deployment is scaled under load', async () => {
      const address = await stage.address(WEST, 'backend-global');
      let scaling = true;
      const scaler = (async () => {
        for (let at = 0; scaling; at += 1) {
          await scale(stage, [1, 5, 2, 4][at % 4] ?? 3);
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
      })();
      const counts = await shares(address, 600).finally(() => {
        scaling = false;
      });
      await scaler;
      assert.equal((counts.west ?? 0) + (counts.east ?? 0), 600);
    });

    test('scaled to zero, the other cluster answers; scaled up, the local one again', async () => {
      const address = await stage.address(WEST, 'backend-global');
      await scale(stage, 0);
      await until('east alone', SOON_MS, async () => (await shares(address, 20)).east === 20);
      await scale(stage, 3);
      await until('west again', 20_000, async () => (await shares(address, 20)).west === 20);
    });

    test('killing both gateways of east ends its answers and nothing else', async () => {
      const address = await stage.address(WEST, 'backend-global');
      assert.equal(stage.demo.cluster(EAST).kill('gateway'), 2);
      assert.deepEqual(await shares(address, 100), { west: 100 });
      await until('the Link says so', SOON_MS, async () => {
        const link = await west.get(links, EAST, 'isthmus-system');
        const connected = link?.status.conditions?.find((each) => each.type === 'Connected');
        return connected?.status === 'False' && connected.message.includes('spec.gateways');
      });
      assert.ok(await exists(west, 'backend-east'), 'what the peer said stays in force');
    });

    test('unlinking removes exactly what linking made', async () => {
      const { io } = stage;
      const context = { context: WEST, client: west };
      assert.equal(await removeLink(context, EAST, io.clock, SOON_MS, io.signal), true);
      await until('no mirror', SOON_MS, async () => (await mirrorNames(west)).length === 0);
      const left = await west.list(services, { namespace: 'shop' });
      assert.deepEqual(left.map((each) => each.metadata.name).sort(), ['backend', 'frontend']);
      assert.equal(await removeLink(context, EAST, io.clock, SOON_MS, io.signal), false);
    });

    test('no component was refused anything by RBAC', () => {
      assert.deepEqual(stage.refusals(), []);
    });
  });
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.join() === b.join();
}

async function exists(client: HttpKubeClient, name: string): Promise<boolean> {
  return (await client.get(services, name, 'shop')) !== undefined;
}

async function answers(stage: Stage, cluster: string, service: string): Promise<boolean> {
  const address = await stage.address(cluster, service);
  return get(address).then(
    () => true,
    () => false,
  );
}

async function mirrorNames(client: HttpKubeClient): Promise<string[]> {
  const found = await client.list(services, { labelSelector: 'isthmus.dev/mirror' });
  return found.map((each) => `${each.metadata.namespace}/${each.metadata.name}`).sort();
}

function linkOf(name: string, spec: object): KubeObject & { readonly spec: object } {
  return {
    apiVersion: 'isthmus.dev/v1alpha1',
    kind: 'Link',
    metadata: { name, namespace: 'isthmus-system' },
    spec,
  };
}

function serviceExport(name: string): KubeObject {
  return {
    apiVersion: 'multicluster.x-k8s.io/v1beta1',
    kind: 'ServiceExport',
    metadata: { name, namespace: 'shop' },
  };
}

function label(stage: Stage, value: string | null): Promise<void> {
  return patch(stage.demo.cluster(WEST), '/api/v1/namespaces/shop/services/frontend', {
    metadata: { labels: { 'isthmus.dev/export': value } },
  });
}

function scale(stage: Stage, replicas: number): Promise<void> {
  const path = '/apis/apps/v1/namespaces/shop/deployments/backend/scale';
  return patch(stage.demo.cluster(WEST), path, { spec: { replicas } });
}
