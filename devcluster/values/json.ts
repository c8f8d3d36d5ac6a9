/**
 * JSON values and Kubernetes objects as the API server holds them. pure
 *
 * Stored objects are never changed in place: whoever wants another object copies what differs, so that
 * one object can be shared by the store, its history, every watcher and every controller.
 */

/** Any JSON value; an `undefined` member counts as absent. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
/** A JSON object. */
export interface JsonObject {
  [key: string]: Json | undefined;
}

/** metav1.OwnerReference. */
export interface OwnerReference extends JsonObject {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

/** metav1.ObjectMeta of a stored object. */
export interface Metadata extends JsonObject {
  name: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
}

/** An object with a kind; `metadata` is complete once it is stored. */
export interface KubeObject extends JsonObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
}

/** Whether `value` is an object, neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `value` as an object; an empty one when it is none. */
export function asObject(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

/** `value` as a list; an empty one when it is none. */
export function asList(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

/** The objects of a list. */
export function asObjects(value: Json | undefined): JsonObject[] {
  return asList(value).filter(isObject);
}

/** `value` as a string; empty when it is none. */
export function asString(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The strings of a list. */
export function asStrings(value: Json | undefined): string[] {
  return asList(value).filter((item) => typeof item === 'string');
}

/** `value` as a number, else `fallback`. */
export function asNumber(value: Json | undefined, fallback = 0): number {
  return typeof value === 'number' ? value : fallback;
}

/** The string members of an object. */
export function asStringMap(value: Json | undefined): Record<string, string> {
  const map: Record<string, string> = {};
  for (const [key, item] of Object.entries(asObject(value))) {
    if (typeof item === 'string') map[key] = item;
  }
  return map;
}

/** What stands at `path` below `value`; `undefined` where the path ends early. */
export function at(value: Json | undefined, ...path: string[]): Json | undefined {
  let current = value;
  for (const key of path) {
    if (!isObject(current)) return undefined;
    current = current[key];
  }
  return current;
}

/** `metadata.labels`. */
export function labelsOf(object: JsonObject): Record<string, string> {
  return asStringMap(at(object, 'metadata', 'labels'));
}

/** `metadata.annotations`. */
export function annotationsOf(object: JsonObject): Record<string, string> {
  return asStringMap(at(object, 'metadata', 'annotations'));
}

/** `metadata.namespace`, empty for cluster-scoped objects. */
export function namespaceOf(object: KubeObject): string {
  return asString(object.metadata.namespace);
}

/** `metadata.ownerReferences`. */
export function ownersOf(object: KubeObject): OwnerReference[] {
  return asObjects(object.metadata.ownerReferences) as OwnerReference[];
}

/** The owner that controls `object`. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return ownersOf(object).find((owner) => owner.controller === true);
}

/** Whether deletion of `object` has begun. */
export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** The condition `type` of `object`'s status. */
export function conditionOf(object: JsonObject, type: string): JsonObject | undefined {
  return asObjects(at(object, 'status', 'conditions')).find((item) => item.type === type);
}

/** `conditions` with `next` in place of the one of its type; its transition time moves only with its status. */
export function withCondition(
  conditions: readonly JsonObject[],
  next: JsonObject,
  now: string,
): JsonObject[] {
  const before = conditions.find((item) => item.type === next.type);
  const isSame = before?.status === next.status;
  const lastTransitionTime = isSame ? (before?.lastTransitionTime ?? now) : now;
  const others = conditions.filter((item) => item.type !== next.type);
  return [...others, { ...next, lastTransitionTime }];
}

/** Deep equality of JSON values; absent and `undefined` members are the same. */
export function deepEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => deepEqual(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  for (const key in a) if (!deepEqual(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}

/** A deep copy. */
export function clone<T extends Json>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => clone(item)) as T;
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const key in value) {
    const item = value[key];
    if (item !== undefined) copy[key] = clone(item);
  }
  return copy as T;
}

/** `object` without the members named. */
export function without(object: JsonObject, ...keys: string[]): JsonObject {
  const copy = { ...object };
  for (const key of keys) delete copy[key];
  return copy;
}
