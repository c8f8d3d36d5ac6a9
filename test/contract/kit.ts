/**
 * Small words that cases are written in: refusals, objects, paths.
 */
import assert from 'node:assert/strict';
import {
  asObject,
  asObjects,
  asString,
  type Json,
  type JsonObject,
} from '#devcluster/values/json.ts';
import { type CaseCluster, metaOf } from './cluster.ts';
import type { CallOptions } from './http.ts';

/** What a request that must fail is refused with. */
export interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details: JsonObject;
  /** `details.causes`, as `reason field`. */
  readonly causes: readonly string[];
  readonly body: JsonObject;
}

/** Sends what must be refused with `code` and `reason`, and checks that the answer is a whole Status. */
export async function refused(
  cluster: CaseCluster,
  code: number,
  reason: string,
  method: string,
  path: string,
  body?: Json | string,
  options: CallOptions = {},
): Promise<Refusal> {
  const answer = await cluster.call(method, path, body, options);
  const shown = `${method} ${path}: ${answer.status} ${answer.text.slice(0, 1_000)}`;
  assert.equal(answer.status, code, shown);
  const { kind, apiVersion, status, message } = answer.body;
  assert.deepEqual([kind, apiVersion, status], ['Status', 'v1', 'Failure'], shown);
  assert.equal(answer.body.code, code, shown);
  assert.equal(answer.body.reason, reason, shown);
  const details = asObject(answer.body.details);
  const causes = asObjects(details.causes).map(
    (cause) => `${asString(cause.reason)} ${asString(cause.field)}`,
  );
  return { code, reason, message: asString(message), details, causes, body: answer.body };
}

/** Core namespaced collection. */
export function core(namespace: string, plural: string, name = ''): string {
  return `/api/v1/namespaces/${namespace}/${plural}${name === '' ? '' : `/${name}`}`;
}

/** Namespaced collection of a group. */
export function group(groupVersion: string, namespace: string, plural: string, name = ''): string {
  return `/apis/${groupVersion}/namespaces/${namespace}/${plural}${name === '' ? '' : `/${name}`}`;
}

/** A ConfigMap with `data.a`. */
export function configMap(name: string, data: JsonObject = { a: '1' }, meta: JsonObject = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...meta }, data };
}

/** Names of a list's items, in its order. */
export function namesOf(list: JsonObject): string[] {
  return asObjects(list.items).map((item) => asString(metaOf(item).name));
}

/** `metadata.resourceVersion`. */
export function versionOf(object: Json | undefined): string {
  return asString(metaOf(object).resourceVersion);
}

/** Content types of PATCH. */
export const PATCH = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
} as const;
