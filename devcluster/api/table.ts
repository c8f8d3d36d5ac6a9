/**
 * Tables: what `kubectl get` prints. pure
 */

import type { ResourceDef } from '../kinds/resources.ts';
import { asObject, type Json, type JsonObject, type KubeObject } from '../values/json.ts';

/** metav1.PartialObjectMetadata of `object`. */
export function partial(object: KubeObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

/** metav1.Table of `items`; `include` is `includeObject` of the query. */
export function tableOf(
  def: ResourceDef,
  items: readonly KubeObject[],
  listMetadata: JsonObject,
  include: string,
  nowMs: number,
): JsonObject {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: listMetadata,
    columnDefinitions: def.columns.map((column) => ({
      name: column.name,
      type: column.type,
      format: column.format ?? '',
      description: column.description ?? describe(column.name),
      priority: column.priority,
    })),
    rows: items.map((item) => ({
      cells: def.columns.map((column) => column.cell(item, nowMs)),
      ...(include === 'None' ? {} : { object: include === 'Object' ? item : partial(item) }),
    })) as Json[],
  };
}

/** The metadata of a list, for a Table. */
export function listMetadata(resourceVersion: string, more: JsonObject = {}): JsonObject {
  return { resourceVersion, ...asObject(more) };
}

function describe(name: string): string {
  if (name === 'Name') return 'Name must be unique within a namespace.';
  return name === 'Age'
    ? 'CreationTimestamp is a timestamp representing the server time when this object was created.'
    : '';
}
