/**
 * The status of a Deployment: counts over its ReplicaSets, and the conditions that follow from them.
 */
import {
  asNumber,
  asObject,
  asObjects,
  asString,
  at,
  type Json,
  type JsonObject,
  type KubeObject,
  namespaceOf,
  withCondition,
} from '../values/json.ts';
import { countOf, DEPLOYMENTS, isSameTemplate } from './deployment-sets.ts';
import type { Kit } from './kit.ts';
import { REPLICA_SETS } from './replica-sets.ts';
import { bounds } from './rollout.ts';

/** Writes the status of `deployment` as it follows from its ReplicaSets now. */
export function writeStatus(kit: Kit, deployment: KubeObject): void {
  const live = kit.store.get(DEPLOYMENTS, namespaceOf(deployment), deployment.metadata.name);
  if (!live) return;
  const sets = kit.controlled(REPLICA_SETS, live);
  const sum = (field: string, from: readonly KubeObject[] = sets) =>
    from.reduce((total, set) => total + asNumber(at(set, 'status', field)), 0);
  const next = sets.filter((set) => isSameTemplate(set, live));
  const replicas = asNumber(at(live, 'spec', 'replicas'));
  const available = sum('availableReplicas');
  const counts: Record<string, number> = {
    replicas: sum('replicas'),
    updatedReplicas: sum('replicas', next),
    readyReplicas: sum('readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(
      0,
      sets.reduce((total, set) => total + countOf(set).wanted, 0) - available,
    ),
  };
  const status: JsonObject = { observedGeneration: asNumber(live.metadata.generation, 1) };
  for (const [key, value] of Object.entries(counts)) if (value > 0) status[key] = value;
  status.conditions = conditions(kit, live, counts, replicas, next[0]);
  kit.setStatus(DEPLOYMENTS, live, status);
}

function conditions(
  kit: Kit,
  live: KubeObject,
  counts: Record<string, number>,
  replicas: number,
  next: KubeObject | undefined,
): Json[] {
  const { name } = live.metadata;
  const rolling = asObject(at(live, 'spec', 'strategy', 'rollingUpdate'));
  const { maxUnavailable } = bounds(rolling.maxSurge, rolling.maxUnavailable, replicas);
  const isAvailable = (counts.availableReplicas ?? 0) >= replicas - maxUnavailable;
  const isComplete =
    counts.updatedReplicas === replicas &&
    counts.replicas === replicas &&
    counts.availableReplicas === replicas;
  const now = kit.context.objects.now();
  let list: JsonObject[] = asObjects(at(live, 'status', 'conditions'));
  const put = (type: string, status: string, reason: string, message: string) => {
    const before = list.find((item) => item.type === type);
    const isSame = before?.status === status && before.reason === reason;
    const lastUpdateTime = isSame ? (before?.lastUpdateTime ?? now) : now;
    list = withCondition(list, { type, status, reason, message, lastUpdateTime }, now);
  };
  if (isAvailable) {
    put('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.');
  } else {
    const message = 'Deployment does not have minimum availability.';
    put('Available', 'False', 'MinimumReplicasUnavailable', message);
  }
  const set = asString(next?.metadata.name);
  if (isComplete) {
    const message = `ReplicaSet "${set}" has successfully progressed.`;
    put('Progressing', 'True', 'NewReplicaSetAvailable', message);
  } else if (next) {
    put('Progressing', 'True', 'ReplicaSetUpdated', `ReplicaSet "${set}" is progressing.`);
  } else {
    put('Progressing', 'True', 'NewReplicaSetCreated', `Created new replica set for "${name}".`);
  }
  return list.sort((a, b) => (asString(a.type) < asString(b.type) ? -1 : 1));
}
