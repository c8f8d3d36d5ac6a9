/**
 * StatefulSets: pods with stable names, made in order and removed in reverse.
 *
 * "StatefulSets" of the Kubernetes documentation: OrderedReady and Parallel; RollingUpdate (the highest ordinal first,
 * `partition` honoured) and OnDelete. Volume claims are not served.
 */
import { createHash } from 'node:crypto';
import {
  asNumber,
  asObject,
  asString,
  at,
  controllerOf,
  isDeleting,
  type JsonObject,
  type KubeObject,
  labelsOf,
  namespaceOf,
} from '../values/json.ts';
import { isReady, type Kit, type Running } from './kit.ts';
import { keyOf, splitKey } from './queue.ts';
import { isActive, PODS } from './replica-sets.ts';

const STATEFUL_SETS = 'statefulsets.apps';
const REVISION = 'controller-revision-hash';

/** Starts the controller. */
export function runStatefulSets(kit: Kit): Running {
  const queue = kit.queue('statefulsets', (key) => reconcile(kit, key));
  const stops = [
    kit.store.listen(STATEFUL_SETS, ({ object }) => queue.add(keyOf(object))),
    kit.store.listen(PODS, ({ object }) => {
      const owner = controllerOf(object);
      if (owner?.kind === 'StatefulSet') queue.add(`${namespaceOf(object)}/${owner.name}`);
    }),
  ];
  return {
    close() {
      for (const stop of stops) stop();
      queue.close();
    },
  };
}

function reconcile(kit: Kit, key: string): void {
  const [namespace, name] = splitKey(key);
  const set = kit.store.get(STATEFUL_SETS, namespace, name);
  if (!set) return;
  const revision = revisionOf(set);
  if (!isDeleting(set)) step(kit, set, revision);
  writeStatus(kit, set, revision);
}

function revisionOf(set: KubeObject): string {
  const template = JSON.stringify(at(set, 'spec', 'template'));
  const hash = createHash('sha256').update(template).digest('hex').slice(0, 10);
  return `${set.metadata.name}-${hash}`;
}

function ordinalOf(pod: KubeObject): number {
  return Number(/-(\d+)$/.exec(pod.metadata.name)?.[1] ?? -1);
}

/** The next thing to do, or all of them where order does not matter. */
function step(kit: Kit, set: KubeObject, revision: string): void {
  const replicas = asNumber(at(set, 'spec', 'replicas'));
  const isOrdered = at(set, 'spec', 'podManagementPolicy') !== 'Parallel';
  const pods = kit.controlled(PODS, set).sort((a, b) => ordinalOf(a) - ordinalOf(b));
  for (let ordinal = 0; ordinal < replicas; ordinal += 1) {
    const pod = pods.find((item) => ordinalOf(item) === ordinal);
    if (!pod) create(kit, set, ordinal, revision);
    if (isOrdered && !(pod && isActive(pod) && isReady(pod))) return;
  }
  const extra = pods.filter((pod) => ordinalOf(pod) >= replicas).reverse();
  for (const pod of extra) {
    if (!isDeleting(pod)) kit.delete(PODS, pod);
    if (isOrdered) return;
  }
  update(kit, set, pods, revision);
}

function update(kit: Kit, set: KubeObject, pods: readonly KubeObject[], revision: string): void {
  if (at(set, 'spec', 'updateStrategy', 'type') === 'OnDelete') return;
  const path = ['spec', 'updateStrategy', 'rollingUpdate', 'partition'];
  const partition = asNumber(at(set, ...path));
  for (const pod of [...pods].reverse()) {
    if (ordinalOf(pod) < partition) return;
    if (isDeleting(pod) || !isReady(pod)) return;
    if (labelsOf(pod)[REVISION] === revision) continue;
    kit.delete(PODS, pod);
    return;
  }
}

function create(kit: Kit, set: KubeObject, ordinal: number, revision: string): void {
  const template = asObject(at(set, 'spec', 'template'));
  const metadata = asObject(template.metadata);
  const name = `${set.metadata.name}-${ordinal}`;
  kit.create(PODS, namespaceOf(set), {
    metadata: {
      ...metadata,
      name,
      labels: {
        ...asObject(metadata.labels),
        [REVISION]: revision,
        'statefulset.kubernetes.io/pod-name': name,
        'apps.kubernetes.io/pod-index': String(ordinal),
      },
      ownerReferences: [kit.ownerReference(STATEFUL_SETS, set)],
    },
    spec: {
      ...asObject(template.spec),
      hostname: name,
      ...(asString(at(set, 'spec', 'serviceName')) === ''
        ? {}
        : { subdomain: at(set, 'spec', 'serviceName') }),
    },
  });
  const message = `create Pod ${name} in StatefulSet ${set.metadata.name} successful`;
  kit.events.record(set, 'Normal', 'SuccessfulCreate', message);
}

function writeStatus(kit: Kit, set: KubeObject, revision: string): void {
  const pods = kit.controlled(PODS, set);
  const ready = pods.filter((pod) => isActive(pod) && isReady(pod)).length;
  const updated = pods.filter((pod) => labelsOf(pod)[REVISION] === revision).length;
  const replicas = asNumber(at(set, 'spec', 'replicas'));
  const isDone = updated === replicas && ready === replicas;
  const before = asString(at(set, 'status', 'currentRevision'));
  const currentRevision = isDone || before === '' ? revision : before;
  const current = pods.filter((pod) => labelsOf(pod)[REVISION] === currentRevision).length;
  const status: JsonObject = {
    observedGeneration: asNumber(set.metadata.generation, 1),
    replicas: pods.length,
    readyReplicas: ready,
    availableReplicas: ready,
    updatedReplicas: updated,
    currentReplicas: current,
    currentRevision,
    updateRevision: revision,
    collisionCount: 0,
  };
  kit.setStatus(STATEFUL_SETS, set, status);
}
