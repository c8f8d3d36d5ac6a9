/**
 * Readers of unknown JSON: every field is checked on its way in, and a failure names its path. pure
 *
 * Hand-written, because a schema library costs more than the JSON itself over 10,000 Services. A path is
 * only put together when something is wrong: containers prefix the error of what they hold.
 */

import type { KubeObject, ObjectMeta, OwnerReference } from './types.ts';

/** A field that is not what it has to be. `message` begins with the path. */
export class FieldError extends Error {
  readonly path: string;
  readonly problem: string;
  constructor(path: string, problem: string) {
    super(path === '' ? problem : `${path}: ${problem}`);
    this.name = 'FieldError';
    this.path = path;
    this.problem = problem;
  }
}

/** A JSON object not looked into yet. */
export type Raw = Readonly<Record<string, unknown>>;

/** `value` with every `undefined` field left out, as `exactOptionalPropertyTypes` wants it. */
export type Defined<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** A copy of `fields` without those that are `undefined`. */
export function defined<T extends object>(fields: T): Defined<T> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) result[key] = value;
  }
  return result as Defined<T>;
}

/** `value` as an object. */
export function raw(value: unknown): Raw {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FieldError('', `must be an object, not ${typeOf(value)}`);
  }
  return value as Raw;
}

/** The string at `key`, or `undefined`. */
export function optionalString(object: Raw, key: string): string | undefined {
  const value = object[key];
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  throw new FieldError(key, `must be a string, not ${typeOf(value)}`);
}

/** The string at `key`, which must be there. */
export function string(object: Raw, key: string): string {
  return required(optionalString(object, key), key);
}

/** The number at `key`, or `undefined`. */
export function optionalNumber(object: Raw, key: string): number | undefined {
  const value = object[key];
  if (value === undefined || value === null || typeof value === 'number') return value ?? undefined;
  throw new FieldError(key, `must be a number, not ${typeOf(value)}`);
}

/** A TCP or UDP port, 0 to 65,535. */
export function optionalPort(object: Raw, key: string): number | undefined {
  const value = optionalNumber(object, key);
  if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= 65_535)) {
    throw new FieldError(key, `must be a port, not ${value}`);
  }
  return value;
}

/** The boolean at `key`, or `undefined`. */
export function optionalBoolean(object: Raw, key: string): boolean | undefined {
  const value = object[key];
  if (value === undefined || value === null || typeof value === 'boolean') {
    return value ?? undefined;
  }
  throw new FieldError(key, `must be a boolean, not ${typeOf(value)}`);
}

/** One of a closed set of words. */
export function optionalWord<const W extends string>(
  object: Raw,
  key: string,
  words: readonly W[],
): W | undefined {
  const value = optionalString(object, key);
  if (value === undefined) return undefined;
  const found = words.find((each) => each === value);
  if (found === undefined) {
    throw new FieldError(key, `must be one of ${words.join(', ')}, not "${value}"`);
  }
  return found;
}

/** The object at `key`, read by `read`. */
export function optionalObject<T>(
  object: Raw,
  key: string,
  read: (value: Raw) => T,
): T | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  try {
    return read(raw(value));
  } catch (error) {
    throw prefixed(key, error);
  }
}

/** The elements at `key`, each read by `read`; `undefined` when there is no such field. */
export function optionalList<T>(
  object: Raw,
  key: string,
  read: (value: unknown) => T,
): readonly T[] | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw new FieldError(key, `must be an array, not ${typeOf(value)}`);
  return value.map((each, index) => {
    try {
      return read(each);
    } catch (error) {
      throw prefixed(`${key}[${index}]`, error);
    }
  });
}

/** The elements at `key`; none when there is no such field. */
export function list<T>(object: Raw, key: string, read: (value: unknown) => T): readonly T[] {
  return optionalList(object, key, read) ?? [];
}

/** An element that must be a string. */
export function stringElement(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new FieldError('', `must be a string, not ${typeOf(value)}`);
}

/** A map of strings. */
export function optionalMap(
  object: Raw,
  key: string,
): Readonly<Record<string, string>> | undefined {
  return optionalObject(object, key, (map) => {
    const result: Record<string, string> = {};
    for (const [name, value] of Object.entries(map)) {
      if (typeof value !== 'string') {
        throw new FieldError(name, `must be a string, not ${typeOf(value)}`);
      }
      result[name] = value;
    }
    return result;
  });
}

/** `value`, which must not be missing. */
export function required<T>(value: T | undefined, key: string): T {
  if (value === undefined) throw new FieldError(key, 'is missing');
  return value;
}

/** apiVersion and kind default to those of the resource: items of a list carry neither. */
export function header<K extends string>(
  object: Raw,
  apiVersion: string,
  kind: K,
): { readonly apiVersion: string; readonly kind: K; readonly metadata: ObjectMeta } {
  const said = optionalString(object, 'kind');
  if (said !== undefined && said !== kind) {
    throw new FieldError('kind', `must be ${kind}, not "${said}"`);
  }
  return {
    apiVersion: optionalString(object, 'apiVersion') ?? apiVersion,
    kind,
    metadata: required(optionalObject(object, 'metadata', metadata), 'metadata'),
  };
}

/** `namespace/name`, or `name` where there is no namespace: the key of an object in every cache. */
export function objectKey(object: Pick<KubeObject, 'metadata'>): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** kubectl's copy of the whole object: by far the largest annotation, and never of use to us. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

function metadata(meta: Raw): ObjectMeta {
  return defined({
    name: string(meta, 'name'),
    namespace: optionalString(meta, 'namespace'),
    uid: optionalString(meta, 'uid'),
    resourceVersion: optionalString(meta, 'resourceVersion'),
    generation: optionalNumber(meta, 'generation'),
    creationTimestamp: optionalString(meta, 'creationTimestamp'),
    deletionTimestamp: optionalString(meta, 'deletionTimestamp'),
    labels: optionalMap(meta, 'labels'),
    annotations: withoutLastApplied(optionalMap(meta, 'annotations')),
    ownerReferences: optionalList(meta, 'ownerReferences', ownerReference),
    finalizers: optionalList(meta, 'finalizers', stringElement),
  });
}

function withoutLastApplied(annotations: Readonly<Record<string, string>> | undefined) {
  if (annotations?.[LAST_APPLIED] === undefined) return annotations;
  const { [LAST_APPLIED]: _, ...rest } = annotations;
  return rest;
}

function ownerReference(value: unknown): OwnerReference {
  const owner = raw(value);
  return defined({
    apiVersion: string(owner, 'apiVersion'),
    kind: string(owner, 'kind'),
    name: string(owner, 'name'),
    uid: string(owner, 'uid'),
    controller: optionalBoolean(owner, 'controller'),
    blockOwnerDeletion: optionalBoolean(owner, 'blockOwnerDeletion'),
  });
}

function prefixed(path: string, error: unknown): unknown {
  if (!(error instanceof FieldError)) return error;
  const rest = error.path === '' || error.path.startsWith('[') ? error.path : `.${error.path}`;
  return new FieldError(`${path}${rest}`, error.problem);
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
