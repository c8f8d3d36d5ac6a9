/**
 * Permissions taken away for real: each makes a component fail where it can be seen, and works again
 * when it is given back. A few stand for all: the rest is shown by what the recorder saw.
 */
import { asObjects, asStrings, type JsonObject } from '#devcluster/values/json.ts';
import { until } from '#test/e2e/stage.ts';
import type { PlayedCluster } from './cluster.ts';

const SOON_MS = 30_000;

/** One permission that is taken away. */
export interface Mutation {
  readonly name: string;
  /** Name of the ClusterRole. */
  readonly role: string;
  readonly resource: string;
  readonly verb: string;
  /** Makes the component want it; resolves when it is seen to fail. */
  provoke(cluster: PlayedCluster): Promise<void>;
  /** Resolves when the component is well again. */
  recover(cluster: PlayedCluster): Promise<void>;
}

const FRONTEND = '/api/v1/namespaces/shop/services/frontend';
const EXPORT = '/apis/multicluster.x-k8s.io/v1beta1/namespaces/shop/serviceexports/frontend';

/** See the file header. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'without create on ServiceExports a labelled Service is not exported',
    role: 'isthmus-mirror',
    resource: 'serviceexports',
    verb: 'create',
    async provoke(cluster) {
      await cluster.patch(FRONTEND, { metadata: { labels: { 'isthmus.dev/export': 'true' } } });
      await refusal(cluster, 'isthmus-mirror may not (create|patch) serviceexports');
      if (await exists(cluster, EXPORT)) throw new Error('it is exported all the same');
    },
    async recover(cluster) {
      // The controller tries again by itself, or at the next change.
      await cluster.patch(FRONTEND, { metadata: { annotations: { 'example.com/again': 'yes' } } });
      await until('it is exported', SOON_MS, () => exists(cluster, EXPORT));
      await cluster.patch(FRONTEND, { metadata: { labels: { 'isthmus.dev/export': null } } });
    },
  },
  {
    name: 'without list on Pods a new gateway is not ready',
    role: 'isthmus-gateway',
    resource: 'pods',
    verb: 'list',
    async provoke(cluster) {
      await replaceGateway(cluster);
      await refusal(cluster, 'isthmus-gateway may not list pods');
      unready(cluster);
    },
    recover: bothReady,
  },
  {
    name: 'without create on TokenReviews a new gateway gets no certificate',
    role: 'isthmus-identity',
    resource: 'tokenreviews',
    verb: 'create',
    async provoke(cluster) {
      await replaceGateway(cluster);
      await refusal(cluster, 'isthmus-identity may not create tokenreviews');
      unready(cluster);
    },
    recover: bothReady,
  },
];

/** Takes the permission away, sees the failure, gives it back, sees the recovery. */
export async function mutate(cluster: PlayedCluster, mutation: Mutation): Promise<void> {
  const path = `/apis/rbac.authorization.k8s.io/v1/clusterroles/${mutation.role}`;
  const { body } = await cluster.wire.call('GET', path);
  const rules = asObjects(body.rules).flatMap((rule) => without(rule, mutation));
  cluster.recorder.recorded.length = 0;
  await cluster.patch(path, { rules });
  try {
    await mutation.provoke(cluster);
  } finally {
    await cluster.patch(path, { rules: asObjects(body.rules) });
  }
  await mutation.recover(cluster);
}

/** `rule` without one verb on one kind: the kind apart, with the verbs that are left. */
function without(rule: JsonObject, { resource, verb }: Mutation): JsonObject[] {
  const resources = asStrings(rule.resources);
  if (!resources.includes(resource)) return [rule];
  const others = resources.filter((each) => each !== resource);
  const verbs = asStrings(rule.verbs).filter((each) => each !== verb);
  return [
    ...(others.length > 0 ? [{ ...rule, resources: others }] : []),
    ...(verbs.length > 0 ? [{ ...rule, resources: [resource], verbs }] : []),
  ];
}

async function refusal(cluster: PlayedCluster, pattern: string): Promise<void> {
  const expression = new RegExp(pattern);
  await until(`"${pattern}"`, SOON_MS, () => {
    return cluster.recorder.refusals().some((each) => expression.test(each));
  });
}

async function exists(cluster: PlayedCluster, path: string): Promise<boolean> {
  return (await cluster.wire.call('GET', path)).status === 200;
}

/** Deletes one gateway pod at once; its ReplicaSet makes another. */
async function replaceGateway(cluster: PlayedCluster): Promise<void> {
  const [gateway] = cluster.processes('gateway');
  const path = `/api/v1/namespaces/isthmus-system/pods/${gateway?.pod}`;
  const { status, text } = await cluster.wire.call('DELETE', path, { gracePeriodSeconds: 1 });
  if (status !== 200) throw new Error(text);
}

function unready(cluster: PlayedCluster): void {
  const ready = cluster.processes('gateway').filter((each) => each.ready);
  if (ready.length > 1) throw new Error('two gateways are ready all the same');
}

async function bothReady(cluster: PlayedCluster): Promise<void> {
  await until('both gateways are ready', 60_000, () => {
    return cluster.processes('gateway').filter((each) => each.ready).length === 2;
  });
}
