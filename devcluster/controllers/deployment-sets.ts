/**
 * The ReplicaSets of a Deployment: which of them is of its template, and how many pods each has. pure
 */
import {
  asNumber,
  asObject,
  at,
  deepEqual,
  type JsonObject,
  type KubeObject,
  without,
} from '../values/json.ts';
import type { SetCount } from './rollout.ts';

/** Where Deployments are kept. */
export const DEPLOYMENTS = 'deployments.apps';
/** What a ReplicaSet adds to the labels of its pods. */
export const HASH = 'pod-template-hash';

/** The set's template without the label that tells templates apart. */
function templateOf(set: KubeObject): JsonObject {
  const template = asObject(at(set, 'spec', 'template'));
  const metadata = asObject(template.metadata);
  const labels = without(asObject(metadata.labels), HASH);
  return { ...template, metadata: { ...metadata, labels } };
}

/** Whether `set` makes pods as `deployment` wants them now. */
export function isSameTemplate(set: KubeObject, deployment: KubeObject): boolean {
  return deepEqual(templateOf(set), templateOf(deployment));
}

/** How many pods `set` shall have, and how many of them serve. */
export function countOf(set: KubeObject): SetCount {
  return {
    wanted: asNumber(at(set, 'spec', 'replicas')),
    available: asNumber(at(set, 'status', 'availableReplicas')),
  };
}
