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

/** The reason of a roll-out that took too long. */
const LATE = 'ProgressDeadlineExceeded';

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
  const rolling = asObject(at(live, 'spec', 'strategy', 'rollingUpdate'));
  const { maxUnavailable } = bounds(rolling.maxSurge, rolling.maxUnavailable, replicas);
  const isAvailable = (counts.availableReplicas ?? 0) >= replicas - maxUnavailable;
  const before = asObjects(at(live, 'status', 'conditions'));
  const available: Said = isAvailable
    ? ['True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.']
    : ['False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.'];
  const list = put(kit, before, 'Available', available, false);
  const moved = hasMoved(asObject(live.status), counts);
  const progress = progressOf(kit, live, counts, next, moved);
  const all = progress ? put(kit, list, 'Progressing', progress, moved) : list;
  return all.sort((a, b) => (asString(a.type) < asString(b.type) ? -1 : 1));
}

/** Status, reason and message of a condition. */
type Said = readonly [status: string, reason: string, message: string];

/** `list` with what is said of `type`; its update time moves with status and reason, and where `moved`. */
function put(
  kit: Kit,
  list: readonly JsonObject[],
  type: string,
  [status, reason, message]: Said,
  moved: boolean,
): JsonObject[] {
  const now = kit.context.objects.now();
  const before = list.find((item) => item.type === type);
  const isSame = before?.status === status && before.reason === reason && !moved;
  const lastUpdateTime = isSame ? (before?.lastUpdateTime ?? now) : now;
  return withCondition(list, { type, status, reason, message, lastUpdateTime }, now);
}

/** After pkg/controller/deployment/progress.go of Kubernetes; `undefined`: what was said stays. */
function progressOf(
  kit: Kit,
  live: KubeObject,
  counts: Record<string, number>,
  next: KubeObject | undefined,
  moved: boolean,
): Said | undefined {
  const before = progressing(live);
  const isLate = before?.reason === LATE;
  if (at(live, 'spec', 'paused') === true) {
    return isLate ? undefined : ['Unknown', 'DeploymentPaused', 'Deployment is paused'];
  }
  const replicas = asNumber(at(live, 'spec', 'replicas'));
  const { updatedReplicas, availableReplicas } = counts;
  const what = `ReplicaSet "${asString(next?.metadata.name)}"`;
  if ([updatedReplicas, counts.replicas, availableReplicas].every((each) => each === replicas)) {
    return ['True', 'NewReplicaSetAvailable', `${what} has successfully progressed.`];
  }
  // Pods that fall ill later are no roll-out.
  if (before?.reason === 'NewReplicaSetAvailable' && counts.replicas === updatedReplicas) return;
  if (!moved && (isLate || (untilLateMs(kit, live) ?? 1) <= 0)) {
    return ['False', LATE, `${what} has timed out progressing.`];
  }
  return next
    ? ['True', 'ReplicaSetUpdated', `${what} is progressing.`]
    : ['True', 'NewReplicaSetCreated', `Created new replica set for "${live.metadata.name}".`];
}

/** Whether more pods are of the template, ready or available than the status tells, or fewer old ones are left. */
function hasMoved(status: JsonObject, counts: Record<string, number>): boolean {
  const olds = (of: JsonObject) => asNumber(of.replicas) - asNumber(of.updatedReplicas);
  return (
    olds(counts) < olds(status) ||
    ['updatedReplicas', 'readyReplicas', 'availableReplicas'].some(
      (key) => (counts[key] ?? 0) > asNumber(status[key]),
    )
  );
}

/** How long `deployment` may go on without a change, in milliseconds; `undefined` where nothing is waited for. */
export function untilLateMs(kit: Kit, deployment: KubeObject): number | undefined {
  const { status, reason, lastUpdateTime } = progressing(deployment) ?? {};
  if (status !== 'True' || reason === 'NewReplicaSetAvailable') return undefined;
  const seconds = asNumber(at(deployment, 'spec', 'progressDeadlineSeconds'));
  return Date.parse(asString(lastUpdateTime)) + seconds * 1_000 - kit.clock.wallMs();
}

function progressing(deployment: KubeObject): JsonObject | undefined {
  const all = asObjects(at(deployment, 'status', 'conditions'));
  return all.find((each) => each.type === 'Progressing');
}
