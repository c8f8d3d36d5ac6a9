/**
 * Custom resources: JSON schema to {@link Schema}, defaulting, and value constraints. pure
 *
 * Follows "Specifying a structural schema" and "Defaulting and nullable" of the Kubernetes
 * documentation of CustomResourceDefinitions. CEL rules (x-kubernetes-validations) are refused with the
 * definition that holds them (`kinds/crd-rules.ts`).
 */

import type { Json, JsonObject } from '../values/json.ts';
import { asList, asObject, asStrings, clone, deepEqual, isObject } from '../values/json.ts';
import type { Cause } from '../values/status.ts';
import { builtinSchema } from './builtin.ts';
import { hasFormat } from './formats.ts';
import { compilePattern } from './pattern.ts';
import { memberOf, type Schema } from './schema.ts';

/** Formats of whole numbers; those of 64 bits are larger than what can be told apart here. */
const RANGES: Readonly<Record<string, number>> = { int32: 2 ** 31 };

/** The schema of a custom resource, `apiVersion`, `kind` and `metadata` included. */
export function customSchema(json: JsonObject): Schema {
  const schema = convert(json);
  schema.type = 'object';
  schema.properties ??= new Map();
  schema.properties.set('apiVersion', { type: 'string' });
  schema.properties.set('kind', { type: 'string' });
  schema.properties.set('metadata', builtinSchema('V1ObjectMeta'));
  return schema;
}

function convert(json: JsonObject): Schema {
  const type = json.type;
  const schema: Schema = {
    type: json['x-kubernetes-int-or-string'] === true || !type ? 'any' : (type as Schema['type']),
    constraints: json,
  };
  if (json['x-kubernetes-int-or-string'] === true) schema.intOrString = true;
  if (json['x-kubernetes-preserve-unknown-fields'] === true) schema.preserveUnknown = true;
  if (json['x-kubernetes-embedded-resource'] === true) schema.embedded = true;
  if (json.nullable === true) schema.nullable = true;
  if (json.default !== undefined) schema.default = json.default;
  if (typeof json.format === 'string') schema.format = json.format;
  if (typeof json.description === 'string') schema.description = json.description;
  if (json['x-kubernetes-map-type'] === 'atomic') schema.atomic = true;
  const listType = json['x-kubernetes-list-type'];
  if (listType === 'map' || listType === 'set' || listType === 'atomic') schema.listType = listType;
  if (listType === 'map') schema.listKeys = asStrings(json['x-kubernetes-list-map-keys']);
  if (isObject(json.properties)) {
    schema.properties = new Map(
      Object.entries(json.properties).map(([key, value]) => [key, convert(asObject(value))]),
    );
    schema.required = new Set(asStrings(json.required));
  }
  if (isObject(json.items)) schema.items = convert(json.items);
  const additional = json.additionalProperties;
  if (isObject(additional)) schema.additional = convert(additional);
  else if (additional === true) schema.preserveUnknown = true;
  return schema;
}

/** `value` with the defaults of `schema`; the input is not changed. */
export function withDefaults<T extends Json>(schema: Schema, value: T): T {
  if (Array.isArray(value)) {
    const items = schema.items;
    return items ? (value.map((item) => withDefaults(items, item)) as T) : value;
  }
  if (!isObject(value)) return value;
  const result: JsonObject = { ...value };
  for (const [key, member] of schema.properties ?? []) {
    if (member.default !== undefined && result[key] === undefined) {
      result[key] = clone(member.default);
    }
  }
  for (const key in result) {
    const member = memberOf(schema, key);
    const item = result[key];
    if (item === null && member?.default !== undefined && !member.nullable) {
      result[key] = clone(member.default);
    } else if (member && item !== undefined) result[key] = withDefaults(member, item);
  }
  return result as T;
}

/** Every constraint of `schema` that `value` breaks. */
export function checkConstraints(schema: Schema, value: Json, path = ''): Cause[] {
  const causes: Cause[] = [];
  if (schema.constraints) checkNode(schema.constraints, value, path, causes);
  if (Array.isArray(value)) {
    const items = schema.items;
    if (items) {
      value.forEach((item, index) => {
        causes.push(...checkConstraints(items, item, `${path}[${index}]`));
      });
    }
    if (schema.listType === 'map') checkKeys(schema, value, path, causes);
    else if (schema.listType === 'set') checkUnique(value, path, causes);
  } else if (isObject(value)) {
    for (const key of schema.required ?? []) {
      if (value[key] === undefined) {
        causes.push({
          reason: 'FieldValueRequired',
          field: join(path, key),
          message: 'Required value',
        });
      }
    }
    for (const key in value) {
      if (path === '' && key === 'metadata') continue;
      const member = memberOf(schema, key);
      const item = value[key];
      if (member && item !== undefined && !(item === null && member.nullable)) {
        causes.push(...checkConstraints(member, item, join(path, key)));
      }
    }
  }
  return causes;
}

function checkKeys(schema: Schema, value: Json[], path: string, causes: Cause[]): void {
  const keys = value.map((item) =>
    JSON.stringify((schema.listKeys ?? []).map((key) => asObject(item)[key] ?? null)),
  );
  keys.forEach((key, index) => {
    if (keys.indexOf(key) !== index) {
      causes.push(duplicate(`${path}[${index}]`, value[index]));
    }
  });
}

function checkUnique(value: Json[], path: string, causes: Cause[]): void {
  value.forEach((item, index) => {
    if (value.findIndex((other) => deepEqual(other, item)) !== index) {
      causes.push(duplicate(`${path}[${index}]`, item));
    }
  });
}

function duplicate(field: string, value: Json | undefined): Cause {
  return {
    reason: 'FieldValueDuplicate',
    field,
    message: `Duplicate value: ${JSON.stringify(value)}`,
  };
}

function checkNode(node: JsonObject, value: Json, path: string, causes: Cause[]): void {
  const bad = (why: string) =>
    causes.push({
      reason: 'FieldValueInvalid',
      field: path,
      message: `Invalid value: ${JSON.stringify(value)}: ${path} in body ${why}`,
    });
  const limit = (key: string) => (typeof node[key] === 'number' ? node[key] : undefined);
  const options = asList(node.enum);
  if (options.length > 0 && !options.some((option) => deepEqual(option, value))) {
    causes.push({
      reason: 'FieldValueNotSupported',
      field: path,
      message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${options.map((option) => JSON.stringify(option)).join(', ')}`,
    });
  }
  if (typeof value === 'string') checkText(node, value, bad);
  if (typeof value === 'number') {
    const [min, max] = [limit('minimum'), limit('maximum')];
    const step = limit('multipleOf');
    if (min !== undefined && (node.exclusiveMinimum === true ? value <= min : value < min)) {
      bad(`should be greater than ${node.exclusiveMinimum === true ? '' : 'or equal to '}${min}`);
    }
    if (max !== undefined && (node.exclusiveMaximum === true ? value >= max : value > max)) {
      bad(`should be less than ${node.exclusiveMaximum === true ? '' : 'or equal to '}${max}`);
    }
    const width = RANGES[typeof node.format === 'string' ? node.format : ''];
    if (width !== undefined && (value < -width || value >= width)) {
      bad(`must be of type integer with format ${String(node.format)}`);
    }
    if (step !== undefined && value % step !== 0) bad(`should be a multiple of ${step}`);
  }
  const count = Array.isArray(value)
    ? { size: value.length, min: limit('minItems'), max: limit('maxItems'), what: 'items' }
    : isObject(value)
      ? {
          size: Object.keys(value).length,
          min: limit('minProperties'),
          max: limit('maxProperties'),
          what: 'properties',
        }
      : undefined;
  if (count?.min !== undefined && count.size < count.min) {
    bad(`should have at least ${count.min} ${count.what}`);
  }
  if (count?.max !== undefined && count.size > count.max) {
    bad(`should have at most ${count.max} ${count.what}`);
  }
  checkJunctors(node, value, path, causes, bad);
}

function checkText(node: JsonObject, value: string, bad: (why: string) => void): void {
  const { minLength, maxLength, pattern } = node;
  const length = [...value].length;
  if (typeof maxLength === 'number' && length > maxLength) {
    bad(`should be at most ${maxLength} chars long`);
  }
  if (typeof minLength === 'number' && length < minLength) {
    bad(`should be at least ${minLength} chars long`);
  }
  if (typeof pattern === 'string' && !compilePattern(pattern).test(value)) {
    bad(`should match '${pattern}'`);
  }
  const { format } = node;
  if (typeof format === 'string' && !hasFormat(format, value)) {
    bad(`must be of type ${format}: ${JSON.stringify(value)}`);
  }
}

function checkJunctors(
  node: JsonObject,
  value: Json,
  path: string,
  causes: Cause[],
  bad: (why: string) => void,
): void {
  const fits = (json: Json) => {
    const found: Cause[] = [];
    const schema = convert(asObject(json));
    if (schema.type !== 'any' && !hasType(schema.type, value)) return false;
    found.push(...checkConstraints(schema, value, path));
    return found.length === 0;
  };
  for (const part of asList(node.allOf)) {
    causes.push(...checkConstraints(convert(asObject(part)), value, path));
  }
  const anyOf = asList(node.anyOf);
  if (anyOf.length > 0 && !anyOf.some(fits)) bad('must validate at least one schema (anyOf)');
  const oneOf = asList(node.oneOf);
  if (oneOf.length > 0 && oneOf.filter(fits).length !== 1) {
    bad('must validate one and only one schema (oneOf)');
  }
  if (node.not !== undefined && fits(node.not)) bad('must not validate the schema (not)');
}

function hasType(type: string, value: Json): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
