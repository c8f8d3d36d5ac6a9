/**
 * One description of an object's fields for built-in kinds and custom resources alike. pure
 *
 * Everything that walks an object (field validation, pruning, defaulting, strategic merge,
 * server-side apply, OpenAPI) walks it along a {@link Schema}, so the kinds need no code of their own there.
 */
import type { Json, JsonObject } from '../values/json.ts';

/** The JSON type of a place; `any` takes every value. */
export type SchemaType = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'any';

/** The fields below one place of an object. */
export interface Schema {
  type: SchemaType;
  /** Name of the shared type, for OpenAPI references. */
  name?: string;
  /** Where the shared type lives, such as `core`. */
  group?: string;
  description?: string;
  format?: string;
  properties?: Map<string, Schema>;
  required?: Set<string>;
  items?: Schema;
  /** Schema of the values of a map. */
  additional?: Schema;
  /** `x-kubernetes-list-type`; absent means atomic. */
  listType?: 'atomic' | 'set' | 'map';
  /** `x-kubernetes-list-map-keys`. */
  listKeys?: readonly string[];
  /** `x-kubernetes-map-type: atomic`, for maps and structures. */
  atomic?: boolean;
  /** `x-kubernetes-patch-merge-key` of a strategic merge patch. */
  mergeKey?: string;
  /** `x-kubernetes-patch-strategy`, comma separated. */
  patchStrategy?: string;
  default?: Json;
  nullable?: boolean;
  /** `x-kubernetes-preserve-unknown-fields`. */
  preserveUnknown?: boolean;
  /** `x-kubernetes-embedded-resource`. */
  embedded?: boolean;
  intOrString?: boolean;
  /** A quantity such as `500m`, which is kept in its canonical form. */
  quantity?: boolean;
  /** The JSON schema of a custom resource, for value constraints. */
  constraints?: JsonObject;
}

/** Anything at all, kept as it is and owned as a whole. */
export const ANY: Schema = { type: 'any', preserveUnknown: true };

/** The schema of member `key` of an object described by `schema`; `undefined` when unknown. */
export function memberOf(schema: Schema, key: string): Schema | undefined {
  return (
    schema.properties?.get(key) ?? schema.additional ?? (schema.preserveUnknown ? ANY : undefined)
  );
}
