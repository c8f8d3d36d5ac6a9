/**
 * Deployments and what they make, where no kubelet is needed: owners, labels, counts, pods as created.
 */
import assert from 'node:assert/strict';
import {
  asNumber,
  asObject,
  asObjects,
  asString,
  at,
  type JsonObject,
} from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { core, group, PATCH, refused } from '../kit.ts';
import { makeNode, NODE, podOf, readyStatus } from '../nodes.ts';

const DEPLOYMENT = docs('concepts/workloads/controllers/deployment/');
/** Controllers of a real cluster work in seconds. */
const DONE_MS = 45_000;
/** The collector pauses whenever definitions come or go, and other cases make some. */
const COLLECTED_MS = 120_000;

function deployment(replicas: number, more: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'x' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'x' } },
      template: {
        metadata: { labels: { app: 'x' } },
        spec: { containers: [{ name: 'x', image: 'x:1' }] },
      },
      ...more,
    },
  };
}

async function podsOf(cluster: CaseCluster, namespace: string): Promise<JsonObject[]> {
  const path = `${core(namespace, 'pods')}?labelSelector=app%3Dx`;
  const pods = asObjects((await cluster.must(200, 'GET', path)).items);
  return pods.filter((pod) => metaOf(pod).deletionTimestamp === undefined);
}

function counted(cluster: CaseCluster, namespace: string, count: number): Promise<JsonObject[]> {
  return cluster.until(
    `${count} pods`,
    async () => {
      const pods = await podsOf(cluster, namespace);
      return pods.length === count && pods;
    },
    DONE_MS,
  );
}

export const workloads: readonly ContractCase[] = [
  {
    name: 'a Deployment makes a ReplicaSet, that makes pods, each owned and labelled',
    source: `${DEPLOYMENT}#pod-template-hash-label`,
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      await cluster.must(201, 'POST', group('apps/v1', namespace, 'deployments'), deployment(2));
      const pods = await counted(cluster, namespace, 2);
      const sets = await cluster.must(200, 'GET', group('apps/v1', namespace, 'replicasets'));
      const [set] = asObjects(sets.items);
      const hash = asString(at(set, 'metadata', 'labels', 'pod-template-hash'));
      assert.match(hash, /^[a-z0-9]{5,10}$/);
      assert.equal(metaOf(set).name, `x-${hash}`);
      assert.equal(asObjects(metaOf(set).ownerReferences)[0]?.kind, 'Deployment');
      for (const pod of pods) {
        assert.match(asString(metaOf(pod).name), new RegExp(`^x-${hash}-[a-z0-9]{5}$`));
        assert.deepEqual(metaOf(pod).labels, { app: 'x', 'pod-template-hash': hash });
        const [owner] = asObjects(metaOf(pod).ownerReferences);
        assert.equal(owner?.kind, 'ReplicaSet');
        assert.equal(owner?.controller, true);
        assert.equal(owner?.blockOwnerDeletion, true);
      }
    },
  },
  {
    name: 'a Deployment counts what is ready and says which generation it has seen',
    source: `${DEPLOYMENT}#deployment-status`,
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const path = group('apps/v1', namespace, 'deployments');
      await cluster.must(201, 'POST', path, deployment(1));
      await makeNode(cluster);
      const [pod] = await counted(cluster, namespace, 1);
      const name = asString(metaOf(pod).name);
      const bound = { apiVersion: 'v1', kind: 'Binding', metadata: { name } };
      const target = { apiVersion: 'v1', kind: 'Node', name: NODE };
      const pods = core(namespace, 'pods', name);
      await cluster.must(201, 'POST', `${pods}/binding`, { ...bound, target });
      const status = readyStatus('10.244.0.20');
      const type = PATCH.strategic;
      await cluster.must(200, 'PATCH', `${pods}/status`, { status }, { type });
      const found = await cluster.until(
        'it is available',
        async () => {
          const live = await cluster.must(200, 'GET', `${path}/x`);
          return at(live, 'status', 'availableReplicas') === 1 && live;
        },
        DONE_MS,
      );
      assert.equal(at(found, 'status', 'observedGeneration'), metaOf(found).generation);
      assert.equal(at(found, 'status', 'readyReplicas'), 1);
      const conditions = asObjects(at(found, 'status', 'conditions'));
      const available = conditions.find((each) => each.type === 'Available');
      assert.equal(available?.status, 'True');
    },
  },
  {
    name: 'a Deployment is scaled through its scale, by patch and by replacement',
    source: docs('reference/kubernetes-api/workload-resources/deployment-v1/'),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const path = group('apps/v1', namespace, 'deployments');
      await cluster.must(201, 'POST', path, deployment(1));
      const scale = await cluster.must(200, 'GET', `${path}/x/scale`);
      assert.equal(scale.kind, 'Scale');
      assert.equal(scale.apiVersion, 'autoscaling/v1');
      assert.equal(at(scale, 'spec', 'replicas'), 1);
      assert.equal(at(scale, 'status', 'selector'), 'app=x');
      const type = PATCH.merge;
      const three = { spec: { replicas: 3 } };
      await cluster.must(200, 'PATCH', `${path}/x/scale`, three, { type });
      await counted(cluster, namespace, 3);
      const again = await cluster.must(200, 'GET', `${path}/x/scale`);
      const none = { ...again, spec: { replicas: 0 } };
      const put = await cluster.call('PUT', `${path}/x/scale`, none);
      assert.ok(put.status === 200 || put.status === 409, put.text);
      await cluster.must(200, 'PATCH', `${path}/x/scale`, { spec: { replicas: 0 } }, { type });
      await counted(cluster, namespace, 0);
    },
  },
  {
    name: 'a changed template makes another ReplicaSet',
    source: `${DEPLOYMENT}#updating-a-deployment`,
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const path = group('apps/v1', namespace, 'deployments');
      await cluster.must(201, 'POST', path, deployment(1));
      await counted(cluster, namespace, 1);
      const template = { metadata: { annotations: { 'example.com/restarted': 'now' } } };
      const type = PATCH.strategic;
      await cluster.must(200, 'PATCH', `${path}/x`, { spec: { template } }, { type });
      await cluster.until(
        'two ReplicaSets',
        async () => {
          const sets = await cluster.must(200, 'GET', group('apps/v1', namespace, 'replicasets'));
          return asObjects(sets.items).length === 2;
        },
        DONE_MS,
      );
    },
  },
  {
    name: 'a deleted Deployment takes ReplicaSets and pods along',
    source: docs('concepts/architecture/garbage-collection/#cascading-deletion'),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const path = group('apps/v1', namespace, 'deployments');
      await cluster.must(201, 'POST', path, deployment(1));
      await counted(cluster, namespace, 1);
      await cluster.must(200, 'DELETE', `${path}/x`, { propagationPolicy: 'Background' });
      await cluster.until(
        'all is gone',
        async () => {
          const sets = await cluster.must(200, 'GET', group('apps/v1', namespace, 'replicasets'));
          return (
            asObjects(sets.items).length === 0 && (await podsOf(cluster, namespace)).length === 0
          );
        },
        COLLECTED_MS,
      );
    },
  },
  {
    name: 'the selector of a Deployment matches its template and cannot be changed',
    source: `${DEPLOYMENT}#selector`,
    async run(cluster) {
      const path = group('apps/v1', await cluster.namespace(), 'deployments');
      const wrong = deployment(0, { selector: { matchLabels: { app: 'y' } } });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, wrong);
      assert.deepEqual(causes, ['FieldValueInvalid spec.template.metadata.labels']);
      await cluster.must(201, 'POST', path, deployment(0));
      const other = { spec: { selector: { matchLabels: { app: 'z' } } } };
      const type = PATCH.merge;
      const answer = await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x`, other, { type });
      assert.ok(answer.causes.includes('FieldValueInvalid spec.selector'), String(answer.causes));
    },
  },
  {
    name: 'a Deployment is given the defaults that its description promises',
    source: docs('reference/kubernetes-api/workload-resources/deployment-v1/'),
    async run(cluster) {
      const path = group('apps/v1', await cluster.namespace(), 'deployments');
      const made = await cluster.must(201, 'POST', path, deployment(0));
      assert.deepEqual(made.spec, {
        progressDeadlineSeconds: 600,
        replicas: 0,
        revisionHistoryLimit: 10,
        selector: { matchLabels: { app: 'x' } },
        strategy: {
          type: 'RollingUpdate',
          rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
        },
        template: {
          metadata: {
            ...asObject(at(made, 'spec', 'template', 'metadata')),
            labels: { app: 'x' },
          },
          spec: {
            containers: [
              {
                image: 'x:1',
                imagePullPolicy: 'IfNotPresent',
                name: 'x',
                resources: {},
                terminationMessagePath: '/dev/termination-log',
                terminationMessagePolicy: 'File',
              },
            ],
            dnsPolicy: 'ClusterFirst',
            restartPolicy: 'Always',
            schedulerName: 'default-scheduler',
            securityContext: {},
            terminationGracePeriodSeconds: 30,
          },
        },
      });
    },
  },
  {
    name: 'a pod runs as the default account, whose token, CA and namespace are mounted',
    source: docs('tasks/configure-pod-container/configure-service-account/'),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const made = await cluster.must(201, 'POST', core(namespace, 'pods'), podOf('x', {}));
      assert.equal(at(made, 'spec', 'serviceAccountName'), 'default');
      const volumes = asObjects(at(made, 'spec', 'volumes'));
      const access = volumes.find(({ name }) => asString(name).startsWith('kube-api-access-'));
      const sources = asObjects(at(access, 'projected', 'sources'));
      assert.equal(asObject(sources[0]?.serviceAccountToken).path, 'token');
      assert.equal(asNumber(asObject(sources[0]?.serviceAccountToken).expirationSeconds), 3_607);
      assert.equal(asObject(sources[1]?.configMap).name, 'kube-root-ca.crt');
      const [container] = asObjects(at(made, 'spec', 'containers'));
      const [mount] = asObjects(container?.volumeMounts);
      assert.equal(mount?.mountPath, '/var/run/secrets/kubernetes.io/serviceaccount');
      assert.equal(mount?.readOnly, true);
      assert.equal(at(made, 'status', 'phase'), 'Pending');
    },
  },
  {
    name: 'quantities are kept in one form, and a pod requests what it is limited to',
    source: docs('reference/kubernetes-api/common-definitions/quantity/'),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const path = core(namespace, 'pods');
      const of = (name: string, resources: JsonObject) => ({
        metadata: { name },
        spec: { containers: [{ name: 'x', image: 'x:1', resources }] },
      });
      const limits = { cpu: 0.5, memory: '1024Mi', 'ephemeral-storage': '1000000' };
      const requests = { memory: '0.5Gi' };
      const made = await cluster.must(201, 'POST', path, of('x', { limits, requests }));
      assert.deepEqual(at(asObjects(at(made, 'spec', 'containers'))[0], 'resources'), {
        limits: { cpu: '500m', memory: '1Gi', 'ephemeral-storage': '1M' },
        requests: { cpu: '500m', memory: '512Mi', 'ephemeral-storage': '1M' },
      });
      const wrong = of('y', { limits: { cpu: 'much' } });
      await refused(cluster, 400, 'BadRequest', 'POST', path, wrong);
    },
  },
  {
    name: 'a pod tolerates for five minutes that its node is lost, unless it says otherwise',
    source: docs('concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions'),
    async run(cluster) {
      const path = core(await cluster.namespace(true), 'pods');
      const away = {
        key: 'node.kubernetes.io/unreachable',
        operator: 'Exists',
        effect: 'NoExecute',
      };
      const usual = (key: string) => ({ ...away, key, tolerationSeconds: 300 });
      const ready = usual('node.kubernetes.io/not-ready');
      for (const [name, own, all] of [
        ['x', [], [ready, usual(away.key)]],
        ['y', [away], [away, ready]],
        ['z', [{ operator: 'Exists' }], [{ operator: 'Exists' }]],
      ] as const) {
        const spec = { tolerations: [...own], containers: [{ name: 'x', image: 'x:1' }] };
        const made = await cluster.must(201, 'POST', path, { metadata: { name }, spec });
        assert.deepEqual(at(made, 'spec', 'tolerations'), all);
      }
    },
  },
  {
    name: 'a pod of an account that is not there is refused',
    source: docs(
      'reference/access-authn-authz/service-accounts-admin/#serviceaccount-admission-controller',
    ),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const pod = podOf('x', {}, { serviceAccountName: 'none' });
      const path = core(namespace, 'pods');
      const { message } = await refused(cluster, 403, 'Forbidden', 'POST', path, pod);
      assert.match(message, /error looking up service account/);
    },
  },
  {
    name: 'most of the spec of a pod cannot be changed',
    source: docs('concepts/workloads/pods/#pod-update-and-replacement'),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      await cluster.must(201, 'POST', core(namespace, 'pods'), podOf('x', {}));
      const path = core(namespace, 'pods', 'x');
      const type = PATCH.merge;
      const patch = { spec: { hostNetwork: true } };
      const { causes } = await refused(cluster, 422, 'Invalid', 'PATCH', path, patch, { type });
      assert.ok(causes.includes('FieldValueForbidden spec'), String(causes));
      const metadata = { labels: { a: 'b' } };
      await cluster.must(200, 'PATCH', path, { metadata }, { type });
    },
  },
  {
    name: 'gates of a pod can be taken away and none added; images of all its containers can change',
    source: docs('concepts/scheduling-eviction/pod-scheduling-readiness/'),
    async run(cluster) {
      const path = core(await cluster.namespace(true), 'pods');
      const container = (name: string, image: string) => ({ name, image });
      const spec = {
        schedulingGates: [{ name: 'example.com/a' }, { name: 'example.com/b' }],
        containers: [container('x', 'x:1')],
        initContainers: [container('first', 'y:1')],
      };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec };
      await cluster.must(201, 'POST', path, pod);
      const type = PATCH.merge;
      const more = { spec: { schedulingGates: [{ name: 'example.com/c' }] } };
      const { causes } = await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x`, more, {
        type,
      });
      assert.ok(causes.includes('FieldValueForbidden spec.schedulingGates'), String(causes));
      const fewer = { spec: { schedulingGates: [{ name: 'example.com/b' }] } };
      await cluster.must(200, 'PATCH', `${path}/x`, fewer, { type });
      const image = { spec: { initContainers: [container('first', 'y:2')] } };
      await cluster.must(200, 'PATCH', `${path}/x`, image, { type: PATCH.strategic });
    },
  },
];
