/** The kubelet: from a Pod to a process and back, against an API server in memory. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import { PROCESS_FAULT } from '#devcluster/faults/process-faults.ts';
import { Kubelet } from '#devcluster/kubelet/kubelet.ts';
import { type NodePod, nodePods } from '#devcluster/kubelet/pod.ts';
import type { Resource } from '#kube/client.ts';
import { configMaps } from '#kube/resources/builtin.ts';
import type { ConfigMap, KubeObject } from '#kube/types.ts';
import { mappedNetwork } from '#runtime/network.ts';
import { MemoryClient } from '../support/memory-client.ts';

const FIXTURE = fileURLToPath(new URL('fixtures/component.ts', import.meta.url));
const POD_IP = '127.9.16.1';

interface AnyPod extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly containerID?: string;
      readonly state: { readonly terminated?: { readonly exitCode: number } };
    }[];
  };
}
/** The same objects, statuses included. */
const anyPods: Resource<AnyPod> = {
  ...nodePods,
  kind: 'Pod',
  parse: (value: unknown) => value as AnyPod,
};

async function eventually<T>(what: string, probe: () => Promise<T | undefined> | T | undefined) {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

function podObject(): NodePod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'gateway-1', namespace: 'isthmus-system', uid: 'u1', labels: {} },
    spec: {
      nodeName: 'west-processes',
      serviceAccountName: 'isthmus-gateway',
      containers: [
        {
          name: 'gateway',
          image: 'isthmus',
          command: ['node', 'dist/gateway/main.js', '--flag'],
          ports: [{ name: 'admin', containerPort: 4191 }],
          env: [
            {
              name: 'ISTHMUS_CLUSTER',
              valueFrom: { configMapKeyRef: { name: 'isthmus-cluster', key: 'clusterName' } },
            },
            { name: 'ISTHMUS_POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'ISTHMUS_POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'PLAIN', value: 'of $(ISTHMUS_POD_NAME)' },
          ],
          volumeMounts: [
            { name: 'token', mountPath: '/var/run/secrets/isthmus' },
            { name: 'trust', mountPath: '/var/run/isthmus/trust' },
            { name: 'api', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
          ],
          readinessProbe: { httpGet: { path: '/ready', port: 'admin' }, periodSeconds: 1 },
        },
      ],
      volumes: [
        {
          name: 'token',
          projected: {
            sources: [{ serviceAccountToken: { path: 'token', audience: 'identity.isthmus.dev' } }],
          },
        },
        { name: 'trust', configMap: { name: 'isthmus-trust-bundle' } },
        // What the API server adds to every pod.
        {
          name: 'api',
          projected: {
            sources: [
              { serviceAccountToken: { path: 'token', expirationSeconds: 3_607 } },
              { configMap: { name: 'kube-root-ca.crt' } },
              {
                downwardAPI: {
                  items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }],
                },
              },
            ],
          },
        },
      ],
    },
    status: { podIP: POD_IP },
  } as unknown as NodePod;
}

function configMap(name: string, data: Record<string, string>): ConfigMap {
  const metadata = { name, namespace: 'isthmus-system' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
}

function boot(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-kubelet-'));
  const client = new MemoryClient();
  client.onPost = (_path, body) => {
    const [audience = 'api'] = (body as { spec: { audiences: string[] } }).spec.audiences;
    return { status: { token: `token for ${audience}` } };
  };
  const networkDirectory = join(directory, 'network');
  const network = mappedNetwork(networkDirectory);
  const kubelet = new Kubelet({
    client,
    directory,
    network,
    nodeName: 'west-processes',
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    extraEnvironment: async () => ({ ISTHMUS_NETWORK: `mapped:${networkDirectory}` }),
    programPath: (program) => {
      assert.equal(program, 'gateway/main');
      return FIXTURE;
    },
  });
  kubelet.start();
  t.after(async () => {
    await kubelet.stop(1_000);
    rmSync(directory, { recursive: true, force: true });
  });
  const pod = () => client.get(anyPods, 'gateway-1', 'isthmus-system');
  const isReady = async (status: string) => {
    const conditions = (await pod())?.status?.conditions ?? [];
    return conditions.some((each) => each.type === 'Ready' && each.status === status);
  };
  const { host, port } = network.locate({ host: POD_IP, port: 4191 });
  const ask = (path: string) => fetch(`http://${host}:${port}${path}`);
  return { directory, client, kubelet, pod, isReady, ask };
}

async function bootReady(t: TestContext) {
  const booted = boot(t);
  await booted.client.create(configMaps, configMap('kube-root-ca.crt', { 'ca.crt': 'the CA' }));
  await booted.client.create(nodePods, podObject());
  await booted.client.create(configMaps, configMap('isthmus-cluster', { clusterName: 'west' }));
  await booted.client.create(configMaps, configMap('isthmus-trust-bundle', { 'ca.crt': 'roots' }));
  await eventually('the pod is ready', () => booted.isReady('True'));
  return booted;
}

test('A pod waits for its ConfigMaps, then runs with environment, tokens and volumes', async (t) => {
  const { client, kubelet, isReady, ask, pod, directory } = boot(t);
  await client.create(configMaps, configMap('kube-root-ca.crt', { 'ca.crt': 'the CA' }));
  await client.create(nodePods, podObject());
  await client.create(configMaps, configMap('isthmus-cluster', { clusterName: 'west' }));
  await eventually('the kubelet saw the pod', () => kubelet.unready().length === 1);
  assert.match(kubelet.unready()[0] ?? '', /waits for an address or a ConfigMap/);
  assert.deepEqual(kubelet.running(), []);
  await client.create(configMaps, configMap('isthmus-trust-bundle', { 'ca.crt': 'roots' }));
  await eventually('the pod is ready', () => isReady('True'));
  const facts = (await (await ask('/facts')).json()) as Record<string, unknown>;
  const env = facts.env as Record<string, string>;
  assert.equal(env.ISTHMUS_CLUSTER, 'west');
  assert.equal(env.ISTHMUS_POD_IP, POD_IP);
  assert.equal(env.PLAIN, 'of gateway-1');
  assert.equal(env.HOME, undefined);
  assert.deepEqual(facts.args, ['--flag']);
  assert.equal(facts.token, 'token for api');
  assert.equal(facts.identityToken, 'token for identity.isthmus.dev');
  assert.deepEqual([facts.ca, facts.namespace, facts.trust], ['the CA', 'isthmus-system', 'roots']);
  const [running] = kubelet.running();
  const status = (await pod())?.status;
  assert.equal(status?.phase, 'Running');
  assert.equal(status?.containerStatuses?.[0]?.containerID, `process://${running?.pid}`);
  assert.ok(existsSync(join(directory, 'logs', 'gateway-1.log')));
});

test('A ConfigMap volume follows its ConfigMap', async (t) => {
  const { client, ask } = await bootReady(t);
  await client.apply(configMaps, configMap('isthmus-trust-bundle', { 'ca.crt': 'new roots' }));
  await eventually('the file changed', async () => {
    const facts = (await (await ask('/facts')).json()) as { trust: string };
    return facts.trust === 'new roots';
  });
});

test('A process that ends is not started again, and its pod is unready at once', async (t) => {
  const { kubelet, isReady, ask, pod } = await bootReady(t);
  await ask('/crash').catch(() => undefined);
  await eventually('the pod is unready', () => isReady('False'));
  const status = (await pod())?.status;
  assert.equal(status?.containerStatuses?.[0]?.state.terminated?.exitCode, 3);
  assert.equal(status?.phase, 'Running');
  assert.deepEqual(kubelet.running(), []);
  assert.match(kubelet.unready()[0] ?? '', /gateway-1 ended \(code 3\)/);
});

test('A process killed with -9 shows exit code 137', async (t) => {
  const { kubelet, isReady, pod } = await bootReady(t);
  process.kill(kubelet.running()[0]?.pid ?? 0, 'SIGKILL');
  await eventually('the pod is unready', () => isReady('False'));
  const status = (await pod())?.status;
  assert.equal(status?.containerStatuses?.[0]?.state.terminated?.exitCode, 137);
});

test('A process is frozen, goes on, and is killed, as an annotation of its pod asks', async (t) => {
  const { client, kubelet, ask, pod } = await bootReady(t);
  const asks = async (fault?: string) => {
    const live = (await pod()) as KubeObject;
    const annotations = fault === undefined ? {} : { [PROCESS_FAULT]: fault };
    await client.apply(anyPods, { ...live, metadata: { ...live.metadata, annotations } });
  };
  const answers = async () => {
    try {
      return (await fetch((await ask('/facts')).url, { signal: AbortSignal.timeout(300) })).ok;
    } catch {
      return false;
    }
  };
  const { pid = 0 } = kubelet.running()[0] ?? {};
  const state = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0];
  assert.equal(await answers(), true);
  await asks('freeze');
  if (process.platform === 'linux') await eventually('it is stopped', () => state() === 'T');
  await asks();
  await eventually('it goes on', answers);
  await asks('kill');
  await eventually('it is gone', () => kubelet.running().length === 0);
});

test('Deleting a pod ends its process, then removes the object', async (t) => {
  const { client, kubelet, pod } = await bootReady(t);
  const pid = kubelet.running()[0]?.pid ?? 0;
  const object = await pod();
  assert.ok(object);
  const deletionTimestamp = '2030-01-01T00:00:00Z';
  await client.apply(nodePods, { ...object, metadata: { ...object.metadata, deletionTimestamp } });
  await eventually('the object is gone', async () => (await pod()) === undefined);
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('Stopping the kubelet ends every process and leaves the objects', async (t) => {
  const { kubelet, pod, directory } = await bootReady(t);
  const pid = kubelet.running()[0]?.pid ?? 0;
  await kubelet.stop(1_000);
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  assert.ok(await pod());
  assert.match(readFileSync(join(directory, 'logs', 'gateway-1.log'), 'utf8'), /Ending/);
});
