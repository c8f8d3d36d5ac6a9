/**
 * What other controllers keep: rules of ClusterRoles that aggregate, pods of StatefulSets, status of budgets.
 */
import assert from 'node:assert/strict';
import { asObject, asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { core, group, namesOf, PATCH, refused } from '../kit.ts';
import { makeNode, makePodReady, NODE, podOf, readyStatus } from '../nodes.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
const STATEFUL_SET = docs('concepts/workloads/controllers/statefulset/');
const BUDGET = docs('tasks/run-application/configure-pdb/');
/** Controllers of a real cluster work in seconds. */
const DONE_MS = 45_000;
/** What a controller that does not wait would have done by then. */
const PAUSE_MS = 1_500;

function clusterRole(cluster: CaseCluster, name: string, more: JsonObject): JsonObject {
  const path = `${RBAC}/contract-${cluster.unique}-${name}`;
  cluster.afterwards(path);
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: `contract-${cluster.unique}-${name}`, ...asObject(more.metadata) },
    ...(more.rules === undefined ? {} : { rules: more.rules }),
    ...(more.aggregationRule === undefined ? {} : { aggregationRule: more.aggregationRule }),
  };
}

function statefulSet(replicas: number, more: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'x' },
    spec: {
      replicas,
      serviceName: 'peers',
      selector: { matchLabels: { app: 'x' } },
      template: {
        metadata: { labels: { app: 'x' } },
        spec: { containers: [{ name: 'x', image: 'x:1' }] },
      },
      ...more,
    },
  };
}

async function podNames(cluster: CaseCluster, namespace: string): Promise<string[]> {
  const pods = await cluster.must(200, 'GET', core(namespace, 'pods'));
  const staying = asObjects(pods.items).filter((pod) => !metaOf(pod).deletionTimestamp);
  return namesOf({ items: staying });
}

function named(cluster: CaseCluster, namespace: string, names: readonly string[]): Promise<true> {
  return cluster.until(
    `pods ${names}`,
    async () => (await podNames(cluster, namespace)).join() === names.join(),
    DONE_MS,
  );
}

/** Does what scheduler and kubelet would. */
async function runPod(cluster: CaseCluster, namespace: string, name: string, address: string) {
  await makeNode(cluster);
  const target = { apiVersion: 'v1', kind: 'Node', name: NODE };
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target };
  const path = core(namespace, 'pods', name);
  await cluster.must(201, 'POST', `${path}/binding`, binding);
  const status = readyStatus(address);
  await cluster.must(200, 'PATCH', `${path}/status`, { status }, { type: PATCH.strategic });
}

function evict(namespace: string, name: string): JsonObject {
  return { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
}

async function budgetStatus(cluster: CaseCluster, path: string): Promise<JsonObject> {
  return asObject((await cluster.must(200, 'GET', path)).status);
}

export const controllers: readonly ContractCase[] = [
  {
    name: 'a ClusterRole that aggregates has the rules of all that its selectors match, and no others',
    source: docs('reference/access-authn-authz/rbac/#aggregated-clusterroles'),
    async run(cluster) {
      const labels = { [`contract.isthmus.dev/${cluster.unique}`]: 'true' };
      const rule = (resource: string) => ({
        apiGroups: ['example.com'],
        resources: [resource],
        verbs: ['get', 'list'],
      });
      const whole = clusterRole(cluster, 'whole', {
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: labels }] },
        rules: [rule('byhand')],
      });
      const path = `${RBAC}/${metaOf(whole).name}`;
      const rulesAre = (...resources: string[]) =>
        cluster.until(
          `rules for ${resources}`,
          async () => {
            const { rules } = await cluster.must(200, 'GET', path);
            return (
              asObjects(rules)
                .flatMap((each) => each.resources)
                .join() === resources.join()
            );
          },
          DONE_MS,
        );
      await cluster.must(201, 'POST', RBAC, whole);
      await rulesAre();
      const part = (name: string) =>
        clusterRole(cluster, name, { metadata: { labels }, rules: [rule(name)] });
      // Of one selector in order of name, whatever the order in which they were made.
      await cluster.must(201, 'POST', RBAC, part('b'));
      await cluster.must(201, 'POST', RBAC, part('a'));
      await rulesAre('a', 'b');
      const without = {
        metadata: { labels: Object.fromEntries([[Object.keys(labels)[0], null]]) },
      };
      const a = `${RBAC}/contract-${cluster.unique}-a`;
      await cluster.must(200, 'PATCH', a, without, { type: PATCH.merge });
      await rulesAre('b');
    },
  },
  {
    name: 'pods of a StatefulSet are named by number and made in order, each when the one before is ready',
    source: `${STATEFUL_SET}#deployment-and-scaling-guarantees`,
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const path = group('apps/v1', namespace, 'statefulsets');
      await cluster.must(201, 'POST', path, statefulSet(2));
      await named(cluster, namespace, ['x-0']);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      await named(cluster, namespace, ['x-0']);
      const first = await cluster.must(200, 'GET', core(namespace, 'pods', 'x-0'));
      const labels = asObject(metaOf(first).labels);
      assert.equal(labels['statefulset.kubernetes.io/pod-name'], 'x-0');
      assert.equal(labels['apps.kubernetes.io/pod-index'], '0');
      assert.match(asString(labels['controller-revision-hash']), /^x-/);
      assert.equal(at(first, 'spec', 'hostname'), 'x-0');
      assert.equal(at(first, 'spec', 'subdomain'), 'peers');
      const [owner] = asObjects(metaOf(first).ownerReferences);
      assert.deepEqual([owner?.kind, owner?.name, owner?.controller], ['StatefulSet', 'x', true]);
      await runPod(cluster, namespace, 'x-0', '10.244.0.30');
      await named(cluster, namespace, ['x-0', 'x-1']);
      await runPod(cluster, namespace, 'x-1', '10.244.0.31');
      await cluster.until(
        'both are counted',
        async () => {
          const { status } = await cluster.must(200, 'GET', `${path}/x`);
          return at(status, 'readyReplicas') === 2 && at(status, 'availableReplicas') === 2;
        },
        DONE_MS,
      );
    },
  },
  {
    name: 'a StatefulSet takes the pod of the highest number away first',
    source: `${STATEFUL_SET}#deployment-and-scaling-guarantees`,
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const path = group('apps/v1', namespace, 'statefulsets');
      const parallel = statefulSet(2, { podManagementPolicy: 'Parallel' });
      await cluster.must(201, 'POST', path, parallel);
      await named(cluster, namespace, ['x-0', 'x-1']);
      await runPod(cluster, namespace, 'x-0', '10.244.0.32');
      await runPod(cluster, namespace, 'x-1', '10.244.0.33');
      const one = { spec: { replicas: 1 } };
      await cluster.must(200, 'PATCH', `${path}/x/scale`, one, { type: PATCH.merge });
      await named(cluster, namespace, ['x-0']);
    },
  },
  {
    name: 'a budget counts the pods it selects and says how many may go; who takes more is told 429',
    source: `${BUDGET}#check-the-status-of-the-pdb`,
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      for (const [name, address] of [
        ['a', '10.244.0.34'],
        ['b', '10.244.0.35'],
      ] as const)
        await makePodReady(cluster, namespace, podOf(name, { app: 'x' }), address);
      const path = group('policy/v1', namespace, 'poddisruptionbudgets');
      await cluster.must(201, 'POST', path, {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name: 'x' },
        spec: { minAvailable: 2, selector: { matchLabels: { app: 'x' } } },
      });
      const budget = `${path}/x`;
      const allows = (count: number, generation: number) =>
        cluster.until(
          `${count} may go`,
          async () => {
            const status = await budgetStatus(cluster, budget);
            const seen = status.observedGeneration === generation && status.currentHealthy === 2;
            return seen && status.disruptionsAllowed === count && status;
          },
          DONE_MS,
        );
      const none = await allows(0, 1);
      assert.deepEqual([none.desiredHealthy, none.expectedPods], [2, 2]);
      const conditionOf = (status: JsonObject) =>
        asObjects(status.conditions).find((each) => each.type === 'DisruptionAllowed');
      assert.deepEqual(
        [conditionOf(none)?.status, conditionOf(none)?.reason],
        ['False', 'InsufficientPods'],
      );
      const eviction = (name: string) => `${core(namespace, 'pods', name)}/eviction`;
      const { causes } = await refused(
        cluster,
        429,
        'TooManyRequests',
        'POST',
        eviction('a'),
        evict(namespace, 'a'),
      );
      assert.match(causes.join(), /^DisruptionBudget/);
      const fewer = { spec: { minAvailable: 1 } };
      await cluster.must(200, 'PATCH', budget, fewer, { type: PATCH.merge });
      const some = await allows(1, 2);
      assert.deepEqual(
        [conditionOf(some)?.status, conditionOf(some)?.reason],
        ['True', 'SufficientPods'],
      );
      await cluster.must(201, 'POST', eviction('a'), evict(namespace, 'a'));
      await refused(cluster, 429, 'TooManyRequests', 'POST', eviction('b'), evict(namespace, 'b'));
    },
  },
];
