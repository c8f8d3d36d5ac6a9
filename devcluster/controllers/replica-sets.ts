/**
 * ReplicaSets: as many pods as asked for, and a status that counts them.
 */

import { matchesSelector } from '../kinds/selectors.ts';
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

/** Where ReplicaSets are kept. */
export const REPLICA_SETS = 'replicasets.apps';
/** Where pods are kept. */
export const PODS = 'pods';
/** Pods created for one ReplicaSet in one turn. */
const BURST_MAX = 500;

/** Starts the controller. */
export function runReplicaSets(kit: Kit): Running {
  const queue = kit.queue('replicasets', (key) => reconcile(kit, key));
  const stops = [
    kit.store.listen(REPLICA_SETS, ({ object }) => queue.add(keyOf(object))),
    kit.store.listen(PODS, ({ object }) => {
      const owner = controllerOf(object);
      if (owner?.kind === 'ReplicaSet') queue.add(`${namespaceOf(object)}/${owner.name}`);
      else if (!owner) {
        for (const set of kit.store.list(REPLICA_SETS, namespaceOf(object))) {
          if (selects(set, object)) queue.add(keyOf(set));
        }
      }
    }),
  ];
  return {
    close() {
      for (const stop of stops) stop();
      queue.close();
    },
  };
}

/** Whether a pod counts as one of the replicas. */
export function isActive(pod: KubeObject): boolean {
  const phase = at(pod, 'status', 'phase');
  return phase !== 'Failed' && phase !== 'Succeeded' && !isDeleting(pod);
}

/** Spec of a pod made from `template`, named after and owned by `owner`. */
export function podFrom(kit: Kit, storage: string, owner: KubeObject): JsonObject {
  const template = asObject(at(owner, 'spec', 'template'));
  return {
    metadata: {
      ...asObject(template.metadata),
      generateName: `${owner.metadata.name}-`,
      ownerReferences: [kit.ownerReference(storage, owner)],
    },
    spec: template.spec,
  };
}

function selects(set: KubeObject, pod: KubeObject): boolean {
  return matchesSelector(asObject(at(set, 'spec', 'selector')), labelsOf(pod));
}

function reconcile(kit: Kit, key: string): void {
  const [namespace, name] = splitKey(key);
  const set = kit.store.get(REPLICA_SETS, namespace, name);
  if (!set) return;
  adopt(kit, set);
  if (!isDeleting(set)) scale(kit, set);
  writeStatus(kit, set);
}

function adopt(kit: Kit, set: KubeObject): void {
  if (isDeleting(set)) return;
  for (const pod of kit.store.list(PODS, namespaceOf(set))) {
    if (controllerOf(pod) || !isActive(pod) || !selects(set, pod)) continue;
    kit.modify(PODS, pod, (live) => ({
      ...live,
      metadata: {
        ...live.metadata,
        ownerReferences: [kit.ownerReference(REPLICA_SETS, set)],
      },
    }));
  }
}

function scale(kit: Kit, set: KubeObject): void {
  const active = kit.controlled(PODS, set).filter(isActive);
  const wanted = asNumber(at(set, 'spec', 'replicas'));
  const missing = Math.min(wanted - active.length, BURST_MAX);
  for (let made = 0; made < missing; made += 1) {
    const pod = kit.create(PODS, namespaceOf(set), podFrom(kit, REPLICA_SETS, set));
    kit.events.record(set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
  }
  if (missing >= 0) return;
  const doomed = [...active].sort(byWorth).slice(0, -missing);
  for (const pod of doomed) {
    kit.delete(PODS, pod, { propagationPolicy: 'Background' });
    kit.events.record(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
  }
}

/** Unassigned and unready pods go first, then the youngest. */
function byWorth(a: KubeObject, b: KubeObject): number {
  const rank = (pod: KubeObject) =>
    (at(pod, 'spec', 'nodeName') === undefined ? 0 : 1) + (isReady(pod) ? 2 : 0);
  const age = Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion);
  const born = asString(b.metadata.creationTimestamp) > asString(a.metadata.creationTimestamp);
  const older = asString(b.metadata.creationTimestamp) < asString(a.metadata.creationTimestamp);
  return rank(a) - rank(b) || (born ? 1 : older ? -1 : age);
}

function writeStatus(kit: Kit, set: KubeObject): void {
  const live = kit.store.get(REPLICA_SETS, namespaceOf(set), set.metadata.name);
  if (!live) return;
  const active = kit.controlled(PODS, live).filter(isActive);
  const labels = asObject(at(live, 'spec', 'template', 'metadata', 'labels'));
  const ready = active.filter(isReady).length;
  const labelled = active.filter((pod) => matchesSelector({ matchLabels: labels }, labelsOf(pod)));
  const status: JsonObject = {
    replicas: active.length,
    observedGeneration: asNumber(live.metadata.generation, 1),
  };
  if (labelled.length > 0) status.fullyLabeledReplicas = labelled.length;
  if (ready > 0) {
    status.readyReplicas = ready;
    status.availableReplicas = ready;
  }
  kit.setStatus(REPLICA_SETS, live, status);
}
