/**
 * Small questions about objects that every write asks. pure
 */

import type { NameForm } from '../kinds/names.ts';
import type { ResourceDef } from '../kinds/resources.ts';
import {
  asList,
  asNumber,
  asObject,
  asString,
  type JsonObject,
  type KubeObject,
  without,
} from '../values/json.ts';
import { badRequest } from '../values/status.ts';

/** The subresource an object is written through. */
export type WritePart = '' | 'status' | 'scale';

/** Metadata that no client may change. */
export const SYSTEM_METADATA = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'generateName',
];

/** Whether nothing holds back the removal of an object whose deletion has begun. */
export function isFree(object: KubeObject): boolean {
  if (asList(object.metadata.finalizers).length > 0) return false;
  if (object.kind === 'Namespace' && asList(asObject(object.spec).finalizers).length > 0) {
    return false;
  }
  return asNumber(object.metadata.deletionGracePeriodSeconds) === 0;
}

/** The part of an applied configuration that an endpoint accepts: everything but status, or only it. */
export function scopeConfig(def: ResourceDef, config: KubeObject, part: WritePart): JsonObject {
  if (part === 'status') {
    return without({ ...config, metadata: { name: config.metadata.name } as never }, 'spec');
  }
  return def.rules.hasStatus ? without(config, 'status') : config;
}

/** Which names `def` allows. */
export function nameForm(def: ResourceDef): NameForm {
  if (def.group === 'rbac.authorization.k8s.io') return 'path';
  if (def.kind === 'Service' && def.group === '') return 'label1035';
  if (def.kind === 'Namespace' && def.group === '') return 'label';
  return 'subdomain';
}

/** Whether finalizers must name their domain: of the kinds that pkg/apis/core/validation looks at, not those of k8s.io/apimachinery. */
export function needsDomains({ custom, group }: ResourceDef): boolean {
  return !custom && group !== 'apiextensions.k8s.io' && group !== 'coordination.k8s.io';
}

/** Beside custom resources: kinds that are replaced only with the version they had. */
export const CONDITIONAL = new Set([
  'leases.coordination.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'poddisruptionbudgets.policy',
]);

/**
 * Kinds that a PUT makes where there is none: `AllowCreateOnUpdate` of their strategies in pkg/registry. `kubectl replace`
 * relies on it.
 */
export const MADE_BY_UPDATE = new Set([
  'endpoints',
  'events',
  'services',
  'leases.coordination.k8s.io',
  'clusterrolebindings.rbac.authorization.k8s.io',
  'clusterroles.rbac.authorization.k8s.io',
  'rolebindings.rbac.authorization.k8s.io',
  'roles.rbac.authorization.k8s.io',
]);

/** Throws a 400 ApiError where `object` is called otherwise than its URL. */
export function checkName(object: JsonObject, name: string): void {
  const named = asString(asObject(object.metadata).name);
  if (named === name) return;
  throw badRequest(
    `the name of the object (${named}) does not match the name on the URL (${name})`,
  );
}
