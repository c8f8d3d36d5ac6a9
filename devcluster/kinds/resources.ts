/**
 * What a resource of the API is: names, schema, rules. pure
 *
 * Built-in kinds and custom resources are both {@link ResourceDef}s; the verbs know no kind by name.
 */
import type { Schema } from '../schema/schema.ts';
import type { JsonObject, KubeObject } from '../values/json.ts';
import type { Cause } from '../values/status.ts';

/** A column of `kubectl get`. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date' | 'boolean' | 'number';
  readonly format?: string;
  /** 0: always; 1: with `-o wide`. */
  readonly priority: number;
  readonly description?: string;
  cell(object: JsonObject, nowMs: number): string | number | boolean | null;
}

/** What a kind adds to the common rules. Every function takes and returns values. */
export interface Rules {
  /** Fills in what a client left out. */
  defaults?(object: KubeObject): KubeObject;
  /** Last word before an object is created: allocations. May throw an ApiError. */
  admitCreate?(object: KubeObject): KubeObject;
  admitUpdate?(object: KubeObject, previous: KubeObject): KubeObject;
  validate?(object: KubeObject, previous: KubeObject | undefined): Cause[];
  /** Whether status is kept apart from the main resource. */
  readonly hasStatus?: boolean;
  /** Whether a changed spec raises `metadata.generation`. */
  readonly hasGeneration?: boolean;
  /**
   * Gives back what `gone` held of the cluster and `kept` does not: after an object has left the store or became another, and
   * after a write that came to nothing.
   */
  released?(gone: KubeObject, kept?: KubeObject): void;
}

/** Paths of the scale subresource. */
export interface ScalePaths {
  readonly spec: readonly string[];
  readonly status: readonly string[];
  /** Where the selector is: a metav1.LabelSelector, or text. */
  readonly selector: readonly string[] | undefined;
}

/** A resource in one served version. */
export interface ResourceDef {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Where objects are kept; versions of a kind share it. */
  readonly storage: string;
  readonly schema: Schema;
  readonly columns: readonly Column[];
  readonly rules: Rules;
  readonly fields: ReadonlyMap<string, (object: JsonObject) => string>;
  readonly scale?: ScalePaths;
  /** Further subresources, such as `token`; served by `api/subresources.ts`. */
  readonly subresources: readonly string[];
  /** Only POST: reviews and bindings, which are answered and never kept. */
  readonly postOnly?: boolean;
  /** What whoever uses it is warned of; `since` is a minor version of the server. */
  readonly deprecation?: { readonly since: number; readonly text: string };
  /** Objects are deleted one by one only. */
  readonly noDeleteCollection?: boolean;
  /** A custom resource: no strategic merge patch, unknown fields pruned by its own schema. */
  readonly custom: boolean;
  /** From and to the stored version. */
  readonly convert?: {
    toStored(object: KubeObject): KubeObject;
    fromStored(object: KubeObject): KubeObject;
  };
}

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** What can be done with objects of `def`, as discovery says it. */
export function verbsOf(def: ResourceDef): string[] {
  if (def.postOnly) return ['create'];
  return def.noDeleteCollection ? VERBS.filter((verb) => verb !== 'deletecollection') : VERBS;
}

/** `v1` or `apps/v1`. */
export function groupVersion(def: { group: string; version: string }): string {
  return def.group === '' ? def.version : `${def.group}/${def.version}`;
}
