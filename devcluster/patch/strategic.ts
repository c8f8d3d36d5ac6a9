/**
 * Strategic merge patch: JSON merge that knows which lists merge by which key. pure
 *
 * Directives as in "Strategic Merge Patch" of the Kubernetes API conventions: `$patch`, `$retainKeys`,
 * `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`.
 */

import { memberOf, type Schema } from '../schema/schema.ts';
import {
  asList,
  asObject,
  asStrings,
  deepEqual,
  isObject,
  type Json,
  type JsonObject,
} from '../values/json.ts';
import { badRequest } from '../values/status.ts';

const ORDER = '$setElementOrder/';
const DELETE = '$deleteFromPrimitiveList/';

/** Applies `patch` to `target` along `schema`; the inputs are not changed. */
export function strategicMerge(schema: Schema, target: JsonObject, patch: JsonObject): JsonObject {
  const directive = patch.$patch;
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') {
    throw badRequest(`unknown patch type: ${JSON.stringify(directive)}`);
  }
  const result: JsonObject = { ...target };
  if (Array.isArray(patch.$retainKeys)) {
    const kept = new Set(asStrings(patch.$retainKeys));
    for (const key of Object.keys(result)) if (!kept.has(key)) delete result[key];
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(DELETE)) {
      const field = key.slice(DELETE.length);
      const gone = asList(value);
      result[field] = asList(result[field]).filter(
        (item) => !gone.some((other) => deepEqual(other, item)),
      );
    }
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$') && !isField(schema, key)) continue;
    if (value === undefined) continue;
    if (value === null) {
      delete result[key];
      continue;
    }
    result[key] = mergeMember(memberOf(schema, key), result[key], value);
  }
  for (const [key, value] of Object.entries(patch)) {
    const field = key.startsWith(ORDER) ? key.slice(ORDER.length) : undefined;
    const member = field === undefined ? undefined : memberOf(schema, field);
    if (field !== undefined && Array.isArray(result[field])) {
      result[field] = reorder(result[field], asList(value), member?.mergeKey);
    }
  }
  return result;
}

function isField(schema: Schema, key: string): boolean {
  return schema.properties?.has(key) === true;
}

function mergeMember(schema: Schema | undefined, current: Json | undefined, value: Json): Json {
  if (isObject(value)) {
    if (schema?.type === 'any') return mergeUntyped(current, value);
    return strategicMerge(schema ?? { type: 'object' }, asObject(current), value);
  }
  if (!Array.isArray(value)) return value;
  if (!schema?.patchStrategy?.includes('merge')) {
    return value.map((item) => (isObject(item) ? withoutDirectives(item) : item));
  }
  const { mergeKey } = schema;
  return mergeKey !== undefined && schema.items?.type === 'object'
    ? mergeByKey(schema.items, mergeKey, asList(current), value)
    : mergeSet(asList(current), value);
}

function mergeUntyped(current: Json | undefined, value: JsonObject): Json {
  const result: JsonObject = { ...asObject(current) };
  for (const [key, item] of Object.entries(value)) {
    if (item === null) delete result[key];
    else if (item !== undefined) {
      result[key] = isObject(item) ? mergeUntyped(result[key], item) : item;
    }
  }
  return result;
}

function mergeSet(current: Json[], added: Json[]): Json[] {
  const result = [...current];
  for (const item of added) if (!result.some((other) => deepEqual(other, item))) result.push(item);
  return result;
}

function mergeByKey(items: Schema, mergeKey: string, current: Json[], patch: Json[]): Json[] {
  if (patch.some((item) => asObject(item).$patch === 'replace')) {
    return patch.filter((item) => asObject(item).$patch === undefined);
  }
  let result = [...current];
  for (const item of patch) {
    const change = asObject(item);
    const key = change[mergeKey];
    if (key === undefined) {
      throw badRequest(
        `map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`,
      );
    }
    const isSame = (other: Json) => deepEqual(asObject(other)[mergeKey], key);
    if (change.$patch === 'delete') {
      result = result.filter((other) => !isSame(other));
      continue;
    }
    const place = result.findIndex(isSame);
    if (place >= 0) {
      result[place] = strategicMerge(items, asObject(result[place]), change);
    } else result.push(strategicMerge(items, {}, change));
  }
  return result;
}

/** Items that `order` names come in its order; the others keep their place after what stood before them. */
function reorder(list: Json[], order: Json[], mergeKey: string | undefined): Json[] {
  const keyOf = (item: Json): string =>
    JSON.stringify(mergeKey === undefined ? item : (asObject(item)[mergeKey] ?? null));
  const rank = new Map(order.map((item, index) => [keyOf(item), index]));
  const named = list
    .filter((item) => rank.has(keyOf(item)))
    .sort((a, b) => (rank.get(keyOf(a)) ?? 0) - (rank.get(keyOf(b)) ?? 0));
  let next = 0;
  return list.map((item) => (rank.has(keyOf(item)) ? (named[next++] ?? item) : item));
}

function withoutDirectives(value: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    if (key.startsWith('$patch') || key.startsWith('$retainKeys') || key.startsWith(ORDER))
      continue;
    result[key] = isObject(item) ? withoutDirectives(item) : item;
  }
  return result;
}
