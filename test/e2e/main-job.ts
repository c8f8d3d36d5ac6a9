/**
 * The main job, whole, as steps that come one after the other: link, export, call, scale, outage, gateways
 * killed, unlink. It takes two clusters of any kind, linked, with the sample in them.
 */
import assert from 'node:assert/strict';
import { EAST, WEST } from '#cli/dev/demo.ts';
import { removeLink, waitUnlinked } from '#cli/linking.ts';
import { systemClock } from '#core/clock.ts';
import type { Address } from '#core/network.ts';
import type { HttpKubeClient } from '#kube/http-client.ts';
import {
  endpointSlices,
  links,
  serviceExports,
  services,
  trafficPolicies,
} from '#kube/resources/builtin.ts';
import type { KubeObject } from '#kube/types.ts';
import { get, shares, until } from './stage.ts';

/** Slow machines are slow; the figures of the README come from `isthmus dev`. */
const SOON_MS = 10_000;
const PROPAGATION_MS = 1_000;

/** One cluster, whatever it runs on. */
export interface JobCluster {
  /** As administrator. */
  readonly client: HttpKubeClient;
  /** Where a Service of namespace `shop` is dialled; rejects while nobody answers there. */
  address(service: string): Promise<Address>;
  /** Addresses of the gateway pods. */
  gateways(): string[];
  /** Ends every gateway with SIGKILL; how many there were. */
  killGateways(): number;
  /** A merge patch as administrator. */
  patch(path: string, body: object): Promise<void>;
}

/** Both, and what RBAC refused their components. */
export interface JobStage {
  readonly west: JobCluster;
  readonly east: JobCluster;
  refusals(): string[];
}

/** One step; it begins where the one before it ended. */
export interface JobStep {
  readonly name: string;
  run(stage: JobStage): Promise<void>;
}

/** See the file header. */
export const MAIN_JOB: readonly JobStep[] = [
  {
    name: 'linked clusters have mirrors, and answer through them',
    async run({ west }) {
      await until('backend-global', SOON_MS, () => exists(west.client, 'backend-global'));
      await until('an answer', SOON_MS, () => answers(west, 'backend-global'));
    },
  },
  {
    name: 'each cluster has the mirrors of the other, pointing at its own gateways',
    async run(stage) {
      const { west, east } = stage;
      const expected = ['shop/backend-east', 'shop/backend-global'];
      await until('mirrors', SOON_MS, async () => same(await mirrorNames(west.client), expected));
      const theirs = ['shop/backend-global', 'shop/backend-west'];
      await until('mirrors in east', SOON_MS, async () =>
        same(await mirrorNames(east.client), theirs),
      );
      const gateways = stage.west.gateways();
      await until('slices', SOON_MS, async () => {
        const slices = await west.client.list(endpointSlices, {
          namespace: 'shop',
          labelSelector: 'kubernetes.io/service-name=backend-east',
        });
        const addresses = slices.flatMap((each) => each.endpoints.flatMap((of) => of.addresses));
        return same(addresses.sort(), gateways.sort());
      });
    },
  },
  {
    name: 'backend-east is east alone, backend-global prefers the local cluster',
    async run(stage) {
      await until('an answer of east', SOON_MS, () => answers(stage.west, 'backend-east'));
      assert.deepEqual(await shares(await stage.west.address('backend-east'), 30), { east: 30 });
      // Programs that have just started are slow to answer first, wherever they are.
      const address = await stage.west.address('backend-global');
      await until('the local cluster', SOON_MS, async () => {
        return (await shares(address, 20)).west === 20;
      });
      const { west: local = 0 } = await shares(address, 100);
      assert.ok(local >= 95, `west answered ${local} of 100`);
    },
  },
  {
    name: 'a Link says it is connected, and counts services',
    async run(stage) {
      const { west } = stage;
      await until('connected', SOON_MS, async () => {
        const { status } = (await west.client.get(links, EAST, 'isthmus-system')) ?? {};
        return (
          status?.importedServices === 1 &&
          status.exportedServices === 1 &&
          status.conditions?.filter((each) => each.status === 'True').length === 3
        );
      });
    },
  },
  {
    name: 'a label exports a service within a second, its removal takes it back',
    async run(stage) {
      const { east } = stage;
      await label(stage.west, 'true');
      const appearedMs = await until('frontend-west', SOON_MS, () =>
        exists(east.client, 'frontend-west'),
      );
      await until('its answer', SOON_MS, () => answers(stage.east, 'frontend-west'));
      const { cluster } = await get(await stage.east.address('frontend-west'));
      assert.equal(cluster, WEST);
      await label(stage.west, null);
      const goneMs = await until(
        'gone',
        SOON_MS,
        async () => !(await exists(east.client, 'frontend-west')),
      );
      assert.ok(appearedMs < PROPAGATION_MS, `appeared after ${appearedMs} ms`);
      assert.ok(goneMs < PROPAGATION_MS, `gone after ${goneMs} ms`);
    },
  },
  {
    name: 'a TrafficPolicy says whether it is in force, and is obeyed',
    async run({ west }) {
      const { client } = west;
      const reasonOf = async (name: string) => {
        const found = await client.get(trafficPolicies, name, 'shop');
        return found?.status.conditions?.find((each) => each.type === 'Accepted')?.reason;
      };
      await client.apply(trafficPolicies, slowPolicy('slow', 'backend-global'));
      await client.apply(trafficPolicies, slowPolicy('nobody', 'not-there'));
      await until('accepted', SOON_MS, async () => (await reasonOf('slow')) === 'Accepted');
      await until(
        'no target',
        SOON_MS,
        async () => (await reasonOf('nobody')) === 'TargetNotFound',
      );
      const failures = async () => {
        const address = await west.address('backend-global');
        const all = await Promise.allSettled(Array.from({ length: 10 }, () => get(address)));
        return all.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
      };
      await until('turned away', SOON_MS, async () =>
        (await failures()).some((each) => each.includes('RATE_LIMITED')),
      );
      await client.delete(trafficPolicies, 'slow', 'shop');
      await client.delete(trafficPolicies, 'nobody', 'shop');
      await until('all answered', SOON_MS, async () => (await failures()).length === 0);
    },
  },
  {
    name: 'an export of a missing Service gets a condition, and nothing else stops',
    async run(stage) {
      const { west } = stage;
      const name = 'nothing-here';
      await west.client.create(serviceExports, serviceExport(name));
      await until('Valid=False', SOON_MS, async () => {
        const found = await west.client.get(serviceExports, name, 'shop');
        const valid = found?.status?.conditions?.find((each) => each.type === 'Valid');
        return valid?.status === 'False' && valid.reason === 'NoService';
      });
      await west.client.delete(serviceExports, name, 'shop');
      assert.ok(await answers(stage.west, 'backend-global'));
    },
  },
  {
    name: 'a malformed bundle, a closed port and a name used twice each get a condition',
    async run(stage) {
      const { west } = stage;
      const good = (await west.client.get(links, EAST, 'isthmus-system'))?.spec;
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
      for (const [name, spec] of Object.entries(bad))
        await west.client.create(links, linkOf(name, spec));
      const says = (name: string, pattern: RegExp) =>
        until(`${name} says ${pattern}`, SOON_MS, async () => {
          const found = await west.client.get(links, name, 'isthmus-system');
          const conditions = found?.status.conditions ?? [];
          return conditions.some((each) => each.status === 'False' && pattern.test(each.message));
        });
      await says('garbled', /spec\.trustBundle/);
      await says('closed', /spec\.gateways.*ECONNREFUSED/s);
      await says('twice', /spec\.clusterName/);
      assert.ok(await answers(stage.west, 'backend-global'));
      for (const name of Object.keys(bad)) await west.client.delete(links, name, 'isthmus-system');
      assert.ok(await exists(west.client, 'backend-east'), 'the good Link keeps its mirrors');
    },
  },
  {
    name: 'no request is lost while the local deployment is scaled under load',
    async run(stage) {
      const address = await stage.west.address('backend-global');
      let scaling = true;
      const scaler = (async () => {
        for (let at = 0; scaling; at += 1) {
          await scale(stage.west, [1, 5, 2, 4][at % 4] ?? 3);
          await new Promise((resolve) => setTimeout(resolve, 300));
        }
      })();
      const counts = await shares(address, 600).finally(() => {
        scaling = false;
      });
      await scaler;
      assert.equal((counts.west ?? 0) + (counts.east ?? 0), 600);
    },
  },
  {
    name: 'scaled to zero, the other cluster answers; scaled up, the local one again',
    async run(stage) {
      const address = await stage.west.address('backend-global');
      await scale(stage.west, 0);
      await until('east alone', SOON_MS, async () => (await shares(address, 20)).east === 20);
      await scale(stage.west, 3);
      await until('west again', 20_000, async () => (await shares(address, 20)).west === 20);
    },
  },
  {
    name: 'killing both gateways of east ends its answers and nothing else',
    async run(stage) {
      const { west } = stage;
      const address = await stage.west.address('backend-global');
      assert.equal(stage.east.killGateways(), 2);
      assert.deepEqual(await shares(address, 100), { west: 100 });
      await until('the Link says so', SOON_MS, async () => {
        const link = await west.client.get(links, EAST, 'isthmus-system');
        const connected = link?.status.conditions?.find((each) => each.type === 'Connected');
        return connected?.status === 'False' && connected.message.includes('spec.gateways');
      });
      assert.ok(await exists(west.client, 'backend-east'), 'what the peer said stays in force');
    },
  },
  {
    name: 'unlinking removes exactly what linking made',
    async run(stage) {
      const { west } = stage;
      const { signal } = new AbortController();
      const context = { context: WEST, client: west.client };
      assert.equal(await removeLink(context, EAST), true);
      await waitUnlinked(context, EAST, systemClock, SOON_MS, signal);
      await until('no mirror', SOON_MS, async () => (await mirrorNames(west.client)).length === 0);
      const left = await west.client.list(services, { namespace: 'shop' });
      assert.deepEqual(left.map((each) => each.metadata.name).sort(), ['backend', 'frontend']);
      assert.equal(await removeLink(context, EAST), false);
    },
  },
  {
    name: 'no component was refused anything by RBAC',
    async run(stage) {
      assert.deepEqual(stage.refusals(), []);
    },
  },
];

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.join() === b.join();
}

async function exists(client: HttpKubeClient, name: string): Promise<boolean> {
  return (await client.get(services, name, 'shop')) !== undefined;
}

async function answers(cluster: JobCluster, service: string): Promise<boolean> {
  const address = await cluster.address(service).catch(() => undefined);
  if (!address) return false;
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

function label(cluster: JobCluster, value: string | null): Promise<void> {
  return cluster.patch('/api/v1/namespaces/shop/services/frontend', {
    metadata: { labels: { 'isthmus.dev/export': value } },
  });
}

function scale(cluster: JobCluster, replicas: number): Promise<void> {
  const path = '/apis/apps/v1/namespaces/shop/deployments/backend/scale';
  return cluster.patch(path, { spec: { replicas } });
}

/** Lets one request a second through to the Service `target`. */
function slowPolicy(name: string, target: string): KubeObject {
  const spec = {
    targetRefs: [{ kind: 'Service', name: target }],
    limits: { requestsPerSecond: 1, burst: 1 },
  };
  const metadata = { name, namespace: 'shop' };
  return {
    apiVersion: 'isthmus.dev/v1alpha1',
    kind: 'TrafficPolicy',
    metadata,
    spec,
  } as KubeObject;
}
