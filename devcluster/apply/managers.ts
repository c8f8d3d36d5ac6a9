/**
 * Who owns which field: `metadata.managedFields`. pure
 *
 * Follows KEP-555 and structured-merge-diff: an update takes what it changes from everybody else; an
 * apply owns what its configuration names, and meets a conflict where another manager's value would change.
 */

import type { Schema } from '../schema/schema.ts';
import type { Json, JsonObject, KubeObject } from '../values/json.ts';
import { asObject, asObjects, asString, deepEqual, isObject, without } from '../values/json.ts';
import { compare, FieldSet, fieldsOf } from './field-set.ts';

/** One entry of managedFields. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string;
  readonly fields: FieldSet;
}

/** Who writes, by which endpoint. */
export interface Writer {
  readonly name: string;
  readonly apiVersion: string;
  readonly subresource: string;
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

const UNTRACKED = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generateName',
];

/** `object` without what nobody owns. */
export function tracked(object: JsonObject): JsonObject {
  const rest = without(object, 'apiVersion', 'kind');
  if (isObject(rest.metadata)) rest.metadata = without(rest.metadata, ...UNTRACKED);
  if (Object.keys(asObject(rest.metadata)).length === 0) delete rest.metadata;
  return rest;
}

/** Reads managedFields; entries of unknown form are dropped. */
export function readManagers(object: JsonObject): Manager[] {
  const managers: Manager[] = [];
  for (const entry of asObjects(asObject(object.metadata).managedFields)) {
    const operation = asString(entry.operation);
    if (operation !== 'Apply' && operation !== 'Update') continue;
    managers.push({
      name: asString(entry.manager),
      operation,
      apiVersion: asString(entry.apiVersion),
      subresource: asString(entry.subresource),
      time: asString(entry.time),
      fields: FieldSet.fromJson(asObject(entry.fieldsV1)),
    });
  }
  return managers;
}

/** managedFields JSON of `managers`; the ones that own nothing are left out. */
export function writeManagers(managers: readonly Manager[]): Json[] {
  return managers
    .filter((manager) => !manager.fields.isEmpty)
    .sort(
      (a, b) =>
        compareText(a.operation, b.operation) ||
        compareText(a.time, b.time) ||
        compareText(a.name, b.name),
    )
    .map((manager) => ({
      manager: manager.name,
      operation: manager.operation,
      apiVersion: manager.apiVersion,
      time: manager.time,
      fieldsType: 'FieldsV1',
      fieldsV1: manager.fields.toJson(),
      ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
    }));
}

/** Whether `manager` is `writer` with operation `operation`. */
export function isWriter(manager: Manager, writer: Writer, operation: 'Apply' | 'Update'): boolean {
  return (
    manager.name === writer.name &&
    manager.operation === operation &&
    manager.subresource === writer.subresource &&
    (operation === 'Apply' || manager.apiVersion === writer.apiVersion)
  );
}

/** `after` with managedFields brought up to date for an update (or create) by `writer`. */
export function trackUpdate(
  schema: Schema,
  before: KubeObject | undefined,
  after: KubeObject,
  writer: Writer,
): KubeObject {
  const managers = readManagers(after);
  const difference = compare(schema, before ? tracked(before) : {}, tracked(after));
  const nothing = difference.changed.isEmpty && difference.removed.isEmpty;
  if (nothing && before) return withManagers(after, managers);
  let own: Manager | undefined;
  const others: Manager[] = [];
  for (const manager of managers) {
    if (isWriter(manager, writer, 'Update')) own = manager;
    else {
      const fields = manager.fields.minus(difference.changed).minus(difference.removed);
      others.push({ ...manager, fields });
    }
  }
  const previous = own?.fields ?? new FieldSet();
  const fields = previous.union(difference.changed).minus(difference.removed);
  const time = own && fields.equals(previous) && nothing ? own.time : writer.time;
  others.push({
    name: writer.name,
    operation: 'Update',
    apiVersion: writer.apiVersion,
    subresource: writer.subresource,
    time,
    fields,
  });
  return withManagers(after, others);
}

/** `object` with `managers` as its managedFields. */
export function withManagers(object: KubeObject, managers: readonly Manager[]): KubeObject {
  const managedFields = writeManagers(managers);
  const metadata = { ...object.metadata };
  if (managedFields.length === 0) delete metadata.managedFields;
  else metadata.managedFields = managedFields;
  return { ...object, metadata };
}

/** Whether two objects differ in nothing but times and owners of fields and versions. */
export function isSameContent(a: KubeObject, b: KubeObject): boolean {
  if (!deepEqual(without(a, 'metadata'), without(b, 'metadata'))) return false;
  const strip = (object: KubeObject) =>
    without(object.metadata, 'managedFields', 'resourceVersion');
  if (!deepEqual(strip(a), strip(b))) return false;
  const owners = (object: KubeObject) =>
    asObjects(object.metadata.managedFields).map((entry) => without(entry, 'time'));
  return deepEqual(owners(a), owners(b));
}

/** The fields of an applied configuration. */
export function configuredFields(schema: Schema, config: JsonObject): FieldSet {
  return fieldsOf(schema, tracked(config));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
