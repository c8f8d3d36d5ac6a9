/**
 * Server-side apply. pure
 *
 * The rules are those of "Server-Side Apply" in the Kubernetes documentation and KEP-555: merge by schema,
 * remove what this manager no longer names and nobody else owns, refuse where another manager's
 * value would change unless forced.
 */

import { memberOf, type Schema } from '../schema/schema.ts';
import { asObject, isObject, type Json, type JsonObject, type KubeObject } from '../values/json.ts';
import { ApiError } from '../values/status.ts';
import { compare, FieldSet, isGranular, itemElement, membersOf } from './field-set.ts';
import {
  configuredFields,
  isWriter,
  type Manager,
  readManagers,
  tracked,
  type Writer,
  withManagers,
} from './managers.ts';

/** Applies `config` to `live`; throws a 409 ApiError on conflicts unless `force`. */
export function applyConfig(
  schema: Schema,
  live: KubeObject,
  config: JsonObject,
  writer: Writer,
  force: boolean,
): KubeObject {
  const managers = readManagers(live);
  const own = managers.find((manager) => isWriter(manager, writer, 'Apply'));
  const others = managers.filter((manager) => manager !== own);
  const wanted = configuredFields(schema, config);
  const merged = merge(schema, tracked(live), tracked(config));
  const dropped = (own?.fields ?? new FieldSet()).minus(wanted);
  const kept = others.reduce((all, manager) => all.union(manager.fields), wanted);
  const pruned = prune(schema, merged, dropped.minus(kept)) as JsonObject;
  const difference = compare(schema, tracked(live), pruned);
  const contested = difference.changed.and(wanted);
  const conflicts = others
    .map((manager) => ({ manager, fields: manager.fields.and(contested) }))
    .filter(({ fields }) => !fields.isEmpty);
  if (conflicts.length > 0 && !force) throw conflictError(conflicts);
  const rest = others.map((manager) => ({
    ...manager,
    fields: manager.fields.minus(contested).minus(difference.removed),
  }));
  const unchanged = own?.fields.equals(wanted) === true && difference.changed.isEmpty;
  rest.push({
    name: writer.name,
    operation: 'Apply',
    apiVersion: writer.apiVersion,
    subresource: writer.subresource,
    time: unchanged && own ? own.time : writer.time,
    fields: wanted,
  });
  const metadata = { ...live.metadata };
  for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences'])
    delete metadata[key];
  const result: KubeObject = {
    ...pruned,
    apiVersion: live.apiVersion,
    kind: live.kind,
    metadata: { ...metadata, ...asObject(pruned.metadata) },
  };
  return withManagers(result, rest);
}

function merge(schema: Schema | undefined, live: Json, config: Json): JsonObject {
  return mergeValue(schema, live, config) as JsonObject;
}

function mergeValue(schema: Schema | undefined, live: Json | undefined, config: Json): Json {
  if (live === undefined || !schema) return config;
  if (!isGranular(schema, config) || !isGranular(schema, live)) return config;
  if (Array.isArray(config) && Array.isArray(live)) {
    const before = membersOf(schema, live);
    const after = membersOf(schema, config);
    const result: Json[] = [];
    // Items of the configuration come in its order, with what only the live list has in between kept after.
    for (const [element, item] of before) {
      if (!after.has(element)) result.push(item);
    }
    const own = [...after].map(([element, item]) =>
      mergeValue(schema.items, before.get(element), item),
    );
    const first = live.findIndex((item) => after.has(itemElement(schema, item) ?? ''));
    const place = first < 0 ? result.length : countBefore(schema, live, first, after);
    return [...result.slice(0, place), ...own, ...result.slice(place)];
  }
  if (!isObject(config) || !isObject(live)) return config;
  const result: JsonObject = { ...live };
  for (const key in config) {
    const value = config[key];
    if (value !== undefined) result[key] = mergeValue(memberOf(schema, key), live[key], value);
  }
  return result;
}

function countBefore(
  schema: Schema,
  live: Json[],
  index: number,
  after: ReadonlyMap<string, Json>,
): number {
  return live.slice(0, index).filter((item) => !after.has(itemElement(schema, item) ?? '')).length;
}

/** `value` without the members of `gone`; parents that were not named themselves stay. */
function prune(schema: Schema | undefined, value: Json, gone: FieldSet): Json {
  if (gone.isEmpty || !schema) return value;
  if (Array.isArray(value)) {
    const kept: Json[] = [];
    for (const item of value) {
      const element = itemElement(schema, item);
      const below = element === undefined ? undefined : gone.children.get(element);
      if (below?.self) continue;
      kept.push(below ? prune(schema.items, item, below) : item);
    }
    return kept;
  }
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const key in value) {
    const item = value[key];
    const below = gone.children.get(`f:${key}`);
    if (item === undefined) continue;
    if (!below) {
      result[key] = item;
      continue;
    }
    const inner = prune(memberOf(schema, key), item, below);
    const isBare = isObject(inner)
      ? Object.keys(inner).length === 0
      : !Array.isArray(inner) || inner.length === 0;
    if (below.self && (isBare || !isGranular(memberOf(schema, key), item))) continue;
    // What became empty by this is gone, but structures stand.
    const isMap = memberOf(schema, key)?.additional !== undefined;
    if (!below.self && isBare && (Array.isArray(inner) || isMap)) continue;
    result[key] = inner;
  }
  return result;
}

function conflictError(conflicts: readonly { manager: Manager; fields: FieldSet }[]): ApiError {
  const causes = conflicts.flatMap(({ manager, fields }) =>
    fields.paths().map((path) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${describe(manager)}`,
      field: fieldPath(path),
    })),
  );
  const texts = conflicts.map(({ manager, fields }) => {
    const paths = fields.paths().map(fieldPath);
    return paths.length === 1
      ? `conflict with ${describe(manager)}: ${paths[0]}`
      : `conflicts with ${describe(manager)}:\n${paths.map((path) => `- ${path}`).join('\n')}`;
  });
  const count = causes.length === 1 ? '1 conflict' : `${causes.length} conflicts`;
  return new ApiError(409, 'Conflict', `Apply failed with ${count}: ${texts.join('\n')}`, {
    causes,
  });
}

function describe(manager: Manager): string {
  const by = manager.subresource === '' ? '' : ` with subresource "${manager.subresource}"`;
  const using = manager.operation === 'Update' ? ` using ${manager.apiVersion}` : '';
  return `"${manager.name}"${by}${using}`;
}

function fieldPath(path: readonly string[]): string {
  return path
    .map((element) => {
      if (element.startsWith('f:')) return `.${element.slice(2)}`;
      if (element.startsWith('k:')) {
        const key = asObject(JSON.parse(element.slice(2)) as Json);
        const text = Object.entries(key).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
        return `[${text.join(',')}]`;
      }
      return `[=${element.slice(2)}]`;
    })
    .join('');
}
