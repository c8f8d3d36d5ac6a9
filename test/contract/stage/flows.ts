/**
 * What components do beside the main job, so that every permission is seen in use: a missing namespace, a
 * name that is taken, an issuer that grows old, an export by hand.
 */
import { systemClock } from '#core/clock.ts';
import { trustDomainOf } from '#core/id.ts';
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { AuthorityStore } from '#identity/store.ts';
import { fixedHeaders } from '#kube/credentials.ts';
import { HttpKubeClient } from '#kube/http-client.ts';
import { links, namespaces, serviceExports, services } from '#kube/resources/builtin.ts';
import type { KubeObject } from '#kube/types.ts';
import { until } from '#test/e2e/stage.ts';
import type { PlayedCluster } from './cluster.ts';
import type { Pair } from './pair.ts';

const SOON_MS = 15_000;
const YEAR_MS = 366 * 24 * 3_600_000;

/** One flow. */
export interface Flow {
  readonly name: string;
  run(pair: Pair): Promise<void>;
}

/** See the file header. */
export const FLOWS: readonly Flow[] = [
  {
    name: 'a namespace that a peer exports from is made where its Link says so',
    async run({ west, east }) {
      const path = '/apis/isthmus.dev/v1alpha1/namespaces/isthmus-system/links/east';
      await west.patch(path, { spec: { import: { createNamespaces: true } } });
      await east.client.create(namespaces, namespace('elsewhere'));
      await east.client.create(services, exported('elsewhere', 'only-here'));
      await until('the namespace is made', SOON_MS, async () => {
        return (await west.client.get(namespaces, 'elsewhere')) !== undefined;
      });
      await until('the mirror is there', SOON_MS, async () => {
        return (await west.client.get(services, 'only-here-east', 'elsewhere')) !== undefined;
      });
      await east.client.delete(services, 'only-here', 'elsewhere');
    },
  },
  {
    name: 'a name that is taken is left alone, and an Event says so',
    async run({ west, east }) {
      await west.client.create(services, plain('shop', 'taken-east'));
      await east.client.create(services, exported('shop', 'taken'));
      await until('an Event', SOON_MS, async () => {
        const path = '/api/v1/namespaces/shop/events?fieldSelector=type%3DWarning';
        const { body } = await west.wire.call('GET', path);
        return Array.isArray(body.items) && body.items.length > 0;
      });
      await east.client.delete(services, 'taken', 'shop');
      await west.client.delete(services, 'taken-east', 'shop');
    },
  },
  {
    name: 'an export by hand gets its conditions',
    async run({ west }) {
      await west.client.create(serviceExports, {
        apiVersion: 'multicluster.x-k8s.io/v1beta1',
        kind: 'ServiceExport',
        metadata: { name: 'by-hand', namespace: 'shop' },
      });
      await until('its condition', SOON_MS, async () => {
        const found = await west.client.get(serviceExports, 'by-hand', 'shop');
        return (found?.status?.conditions ?? []).length > 0;
      });
      await west.client.delete(serviceExports, 'by-hand', 'shop');
    },
  },
  {
    name: 'an issuer that has grown old is replaced by its identity',
    async run({ west }) {
      const client = await clientOf(west, 'isthmus-identity');
      const clock = { ...systemClock, wallMs: () => systemClock.wallMs() + YEAR_MS };
      const trustDomain = trustDomainOf(west.name);
      const log = silentLogger;
      const store = new AuthorityStore({ client, trustDomain, clock, log });
      const before = await store.load();
      if (before.validity.notBeforeMs < systemClock.wallMs()) {
        throw new Error('the issuer was not replaced');
      }
      await client.close();
    },
  },
  {
    name: 'a Link says what became of it',
    async run({ west }) {
      await until('its conditions', SOON_MS, async () => {
        const link = await west.client.get(links, 'east', 'isthmus-system');
        return (link?.status.conditions ?? []).length > 0;
      });
    },
  },
];

/** A client with the token of a component's ServiceAccount, through the recorder. */
export async function clientOf(cluster: PlayedCluster, account: string): Promise<HttpKubeClient> {
  const path = `/api/v1/namespaces/isthmus-system/serviceaccounts/${account}/token`;
  const answer = await cluster.client.post(path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [], expirationSeconds: 3_600 },
  });
  const { status } = answer as { readonly status: { readonly token: string } };
  return new HttpKubeClient({
    server: new URL(cluster.door),
    tls: { ca: cluster.authority },
    headers: fixedHeaders({ authorization: `Bearer ${status.token}` }),
    network: identityNetwork,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  });
}

function namespace(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function plain(namespace: string, name: string, labels: Record<string, string> = {}) {
  const metadata = { name, namespace, labels };
  const spec = { ports: [{ name: 'http', port: 80 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec };
}

function exported(namespace: string, name: string) {
  return plain(namespace, name, { 'isthmus.dev/export': 'true' });
}
