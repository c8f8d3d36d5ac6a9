/**
 * Sets of fields, as `metadata.managedFields` records them. pure
 *
 * A set is a tree: path element → subset. Elements are written `f:name`, `k:{…}`, `v:…` as in FieldsV1
 * (structured-merge-diff). A node with `self` is a member; leaves always are.
 */

import { memberOf, type Schema } from '../schema/schema.ts';
import { deepEqual, isObject, type Json, type JsonObject } from '../values/json.ts';

/** A node of the tree. */
export class FieldSet {
  self = false;
  readonly children = new Map<string, FieldSet>();

  child(element: string): FieldSet {
    let found = this.children.get(element);
    if (!found) {
      found = new FieldSet();
      this.children.set(element, found);
    }
    return found;
  }

  get isEmpty(): boolean {
    if (this.self) return false;
    for (const below of this.children.values()) if (!below.isEmpty) return false;
    return true;
  }

  /** Members of either set. Sets are shared, so what a set operation returns must not be changed. */
  union(other: FieldSet): FieldSet {
    if (other.isEmpty) return this;
    if (this.isEmpty) return other;
    return combine(this, other, UNION);
  }

  /** Members of this set that are not in `other`. */
  minus(other: FieldSet): FieldSet {
    return other.isEmpty ? this : combine(this, other, MINUS);
  }

  /** Members of both sets. */
  and(other: FieldSet): FieldSet {
    return combine(this, other, BOTH);
  }

  /** Every member as a list of elements. */
  paths(prefix: readonly string[] = []): string[][] {
    const found: string[][] = this.self ? [[...prefix]] : [];
    for (const [element, below] of this.children) found.push(...below.paths([...prefix, element]));
    return found;
  }

  equals(other: FieldSet): boolean {
    if (this.self !== other.self || this.children.size !== other.children.size) {
      return this.minus(other).isEmpty && other.minus(this).isEmpty;
    }
    for (const [element, below] of this.children) {
      const same = other.children.get(element);
      if (!same?.equals(below)) return this.minus(other).isEmpty && other.minus(this).isEmpty;
    }
    return true;
  }

  /** FieldsV1 JSON. */
  toJson(): JsonObject {
    const json: JsonObject = {};
    for (const [element, below] of [...this.children].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (below.isEmpty) continue;
      const inner = below.toJson();
      if (below.self && Object.keys(inner).length > 0) json[element] = { '.': {}, ...inner };
      else json[element] = inner;
    }
    return json;
  }

  /** The inverse of {@link toJson}. */
  static fromJson(json: JsonObject): FieldSet {
    const set = new FieldSet();
    for (const [element, value] of Object.entries(json)) {
      if (element === '.') {
        set.self = true;
        continue;
      }
      const below = FieldSet.fromJson(isObject(value) ? value : {});
      if (below.children.size === 0) below.self = true;
      set.children.set(element, below);
    }
    return set;
  }
}

/** What to keep of a member that is in both sets, and of subsets that only one of them has. */
interface Combination {
  readonly both: boolean;
  readonly onlyFirst: boolean;
  readonly onlySecond: boolean;
}

const UNION: Combination = { both: true, onlyFirst: true, onlySecond: true };
const MINUS: Combination = { both: false, onlyFirst: true, onlySecond: false };
const BOTH: Combination = { both: true, onlyFirst: false, onlySecond: false };

function combine(a: FieldSet, b: FieldSet, keep: Combination): FieldSet {
  const result = new FieldSet();
  result.self =
    a.self && b.self ? keep.both : (a.self && keep.onlyFirst) || (b.self && keep.onlySecond);
  for (const [element, left] of a.children) {
    const right = b.children.get(element);
    if (right === undefined) {
      if (keep.onlyFirst) result.children.set(element, left);
      continue;
    }
    const below = combine(left, right, keep);
    if (!below.isEmpty) result.children.set(element, below);
  }
  if (!keep.onlySecond) return result;
  for (const [element, right] of b.children) {
    if (!a.children.has(element)) result.children.set(element, right);
  }
  return result;
}

/** The path element of `item` in an associative list; `undefined` when a key is missing. */
export function itemElement(schema: Schema, item: Json): string | undefined {
  if (schema.listType === 'set') return `v:${JSON.stringify(item)}`;
  if (!isObject(item)) return undefined;
  const key: JsonObject = {};
  for (const name of [...(schema.listKeys ?? [])].sort()) {
    const value = item[name] ?? schema.items?.properties?.get(name)?.default;
    if (value !== undefined) key[name] = value;
  }
  return Object.keys(key).length === 0 ? undefined : `k:${JSON.stringify(key)}`;
}

/** Whether values of `schema` merge below; everything else is owned whole. */
export function isGranular(schema: Schema | undefined, value: Json): boolean {
  if (!schema || schema.atomic) return false;
  if (isObject(value)) return schema.type === 'object' || schema.preserveUnknown === true;
  return Array.isArray(value) && (schema.listType === 'map' || schema.listType === 'set');
}

/**
 * The fields that are set in the applied configuration `value`. A map is a member only when it is
 * empty: what is applied is what stands below it (structured-merge-diff, `ToFieldSet`).
 */
export function fieldsOf(schema: Schema | undefined, value: Json): FieldSet {
  const set = new FieldSet();
  fill(set, schema, value, false);
  set.self = false;
  return set;
}

/** `maps`: whether a map that is not empty is a member itself, as it is of what changed. */
function fill(set: FieldSet, schema: Schema | undefined, value: Json, maps = true): void {
  if (!schema || !isGranular(schema, value)) {
    set.self = true;
    return;
  }
  if (Array.isArray(value)) {
    if (value.length === 0) set.self = true;
    for (const item of value) {
      const element = itemElement(schema, item);
      if (element === undefined) continue;
      const below = set.child(element);
      fill(below, schema.items, item, maps);
      below.self = true;
    }
    return;
  }
  if (!isObject(value)) return;
  const keys = Object.keys(value).filter((key) => value[key] !== undefined);
  if (keys.length === 0 || (maps && schema.additional !== undefined)) set.self = true;
  for (const key of keys) {
    const below = set.child(`f:${key}`);
    fill(below, memberOf(schema, key), value[key] ?? null, maps);
    // Keys of a map were chosen by whoever applies, so they are members whatever they hold.
    if (schema.properties?.has(key) !== true) below.self = true;
  }
}

/** What changed between two objects. */
export interface Difference {
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

/** Fields added or with another value, and fields gone, from `before` to `after`. */
export function compare(schema: Schema, before: Json, after: Json): Difference {
  const difference = { changed: new FieldSet(), removed: new FieldSet() };
  walk(schema, before, after, difference.changed, difference.removed);
  difference.changed.self = false;
  difference.removed.self = false;
  return difference;
}

function walk(
  schema: Schema | undefined,
  before: Json | undefined,
  after: Json | undefined,
  changed: FieldSet,
  removed: FieldSet,
): void {
  if (before === undefined || after === undefined) {
    if (after !== undefined) fill(changed, schema, after);
    else if (before !== undefined) fill(removed, schema, before);
    return;
  }
  const merges = schema && isGranular(schema, before) && isGranular(schema, after);
  if (!merges || Array.isArray(before) !== Array.isArray(after)) {
    if (!deepEqual(before, after)) changed.self = true;
    return;
  }
  const left = membersOf(schema, before);
  const right = membersOf(schema, after);
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const [a, b] = [left.get(element), right.get(element)];
    if (a !== undefined && b !== undefined && deepEqual(a, b)) continue;
    const inner = Array.isArray(before) ? schema.items : memberOf(schema, element.slice(2));
    const [up, down] = [new FieldSet(), new FieldSet()];
    walk(inner, a, b, up, down);
    if (Array.isArray(before)) {
      if (a === undefined) up.self = true;
      if (b === undefined) down.self = true;
    }
    if (!up.isEmpty) changed.children.set(element, up);
    if (!down.isEmpty) removed.children.set(element, down);
  }
}

/** The members of a granular value by path element. */
export function membersOf(schema: Schema, value: Json): Map<string, Json> {
  const members = new Map<string, Json>();
  if (Array.isArray(value)) {
    for (const item of value) {
      const element = itemElement(schema, item);
      if (element !== undefined) members.set(element, item);
    }
  } else if (isObject(value)) {
    for (const key in value) {
      const item = value[key];
      if (item !== undefined) members.set(`f:${key}`, item);
    }
  }
  return members;
}
