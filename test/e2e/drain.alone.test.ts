/**
 * Gateways replaced on both sides while clients call, through the addresses of Services; and what the
 * admin port of a gateway of two workers tells.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { EAST, WEST } from '#cli/dev/demo.ts';
import { ADMIN_PORT } from '#core/names.ts';
import { endpointSlices, services } from '#kube/resources/builtin.ts';
import type { KubeObject } from '#kube/types.ts';
import { type Load, startLoad } from '#test/gateway/workers/load.ts';
import { startAnyPod } from '#test/gateway/workers/pod.ts';
import { patch, type Stage, setStage, until } from './stage.ts';

const SOON_MS = 10_000;
/** Out of the slices, kube-proxy's time, requests under way: at most 25 s; two replicas overlap. */
const ROLLOUT_MS = 45_000;
const WORKERS = 2;

describe('two clusters whose gateways are rolled out under load', () => {
  let stage: Stage;
  let pod: Awaited<ReturnType<typeof startAnyPod>>;
  const loads: Load[] = [];

  before(async () => {
    pod = await startAnyPod(5);
    stage = await setStage({ network: 'loopback' });
    for (const name of [WEST, EAST]) {
      const { client } = stage.demo.cluster(name);
      await client.create(services, service());
      await client.create(endpointSlices, slice(pod.endpoint.port));
    }
    const { client } = stage.demo.cluster(WEST);
    for (const name of ['any-east', 'any-global']) {
      await until(
        name,
        SOON_MS,
        async () => (await client.get(services, name, 'shop')) !== undefined,
      );
    }
  });
  after(async () => {
    await Promise.all(loads.map((each) => each.stop()));
    pod?.destroy();
    await stage?.end();
  });

  test('replacing every gateway of both loses nothing, and the new ones have two workers', async () => {
    const old = [WEST, EAST].flatMap((name) => stage.demo.cluster(name).gateways);
    assert.equal(old.length, 4);
    for (const name of ['any-east', 'any-global']) {
      const address = await stage.address(WEST, name);
      await until(`an answer of ${name}`, SOON_MS, () => answers(address));
      loads.push(startLoad(address));
    }
    await until('load', SOON_MS, () => loads.every(({ done }) => Object.keys(done).length === 5));
    await Promise.all([WEST, EAST].map((name) => setWorkers(stage, name)));
    await until('four others', ROLLOUT_MS, () => {
      const now = [WEST, EAST].flatMap((name) => stage.demo.cluster(name).gateways);
      return (
        now.length === 4 &&
        now.every(({ ready, pid }) => ready && !old.some((each) => each.pid === pid)) &&
        !old.some(({ pid }) => alive(pid))
      );
    });
    const tallies = await Promise.all(loads.splice(0).map((each) => each.stop()));
    if (process.env.ISTHMUS_TEST_TELLS) console.log(tallies);
    assert.deepEqual(
      tallies.flatMap(({ failures }) => failures),
      [],
    );
  });

  test('the admin port of a gateway tells of all its workers', async () => {
    const [gateway] = stage.demo.cluster(WEST).gateways;
    assert.ok(gateway);
    const at = `http://${gateway.ip}:${ADMIN_PORT}`;
    const read = async (path: string) => (await fetch(`${at}${path}`)).text();
    await until('ready', SOON_MS, async () => (await read('/ready')) === 'ready\n');
    await until('connected', SOON_MS, async () => {
      const { links } = JSON.parse(await read('/links'));
      return links.length === 1 && links[0].connected && links[0].clusterName === EAST;
    });
    const { services: balancers } = JSON.parse(await read('/balancer'));
    const workers = new Set(balancers.map((each: { worker: number }) => each.worker));
    assert.deepEqual([...workers].sort(), [0, 1]);
    const metrics = await read('/metrics');
    assert.match(metrics, /^isthmus_peer_connected\{cluster="east"\} 1$/m);
    assert.equal(metrics.match(/^# TYPE isthmus_requests_total /gm)?.length, 1);
    const catalog = await fetch(`${at}/catalogs/${EAST}`);
    assert.equal(catalog.status, 200);
    const reader = catalog.body?.getReader();
    const first = await reader?.read();
    assert.match(Buffer.from(first?.value ?? []).toString(), /"shop\/any"|"name":"any"/);
    await reader?.cancel();
    assert.equal((await fetch(`${at}/catalogs/north`)).status, 404);
    // What was heard under a Link that trusts others is not theirs.
    assert.equal((await fetch(`${at}/catalogs/${EAST}?trust=others`)).status, 409);
  });
});

function setWorkers(stage: Stage, cluster: string): Promise<void> {
  const path = '/apis/apps/v1/namespaces/isthmus-system/deployments/isthmus-gateway';
  return stage.demo
    .cluster(cluster)
    .client.get(deployments, 'isthmus-gateway', 'isthmus-system')
    .then((found) => {
      const { containers } = found?.spec.template.spec ?? { containers: [] };
      const changed = containers.map((each) => ({
        ...each,
        env: [...each.env, { name: 'ISTHMUS_WORKERS', value: String(WORKERS) }],
      }));
      return patch(stage.demo.cluster(cluster), path, {
        spec: { template: { spec: { containers: changed } } },
      });
    });
}

interface Deployment extends KubeObject {
  readonly spec: { readonly template: { readonly spec: { readonly containers: Container[] } } };
}

interface Container {
  readonly env: readonly object[];
}

const deployments = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
  parse: (raw: unknown) => raw as Deployment,
};

function service(): KubeObject & { readonly spec: object } {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'any', namespace: 'shop', labels: { 'isthmus.dev/export': 'true' } },
    spec: { ports: [{ name: 'any', port: 8080 }] },
  };
}

/** Without a selector, a Service has whatever endpoints somebody writes. */
function slice(port: number): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'any-1',
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': 'any' },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    ports: [{ name: 'any', port, protocol: 'TCP' }],
  } as KubeObject;
}

function answers(address: { host: string; port: number }): Promise<boolean> {
  return fetch(`http://${address.host}:${address.port}/`, { method: 'POST', body: 'x' }).then(
    async (response) => (await response.text()) === 'x',
    () => false,
  );
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
