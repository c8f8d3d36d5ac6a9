/**
 * Paths of OpenAPI documents: where objects are, what can be done with them, and what a call may say. pure
 *
 * Version 2 names bodies and types among the parameters, version 3 apart.
 */

import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import type { Json, JsonObject } from '../values/json.ts';
import type { Schemas } from './openapi-schemas.ts';

/** Which OpenAPI. */
export type OpenApiVersion = 2 | 3;

const READ = ['labelSelector', 'fieldSelector', 'limit', 'continue', 'resourceVersion', 'watch'];
const WRITE = ['dryRun', 'fieldManager', 'fieldValidation'];
const DELETE = ['dryRun', 'gracePeriodSeconds', 'propagationPolicy'];

/** Actions whose operations have a name of their own. */
const VERBS: Readonly<Record<string, string>> = {
  get: 'read',
  put: 'replace',
  post: 'create',
  deletecollection: 'deleteCollection',
};

/** `api/v1` or `apis/apps/v1`. */
export function pathOf(def: ResourceDef): string {
  return def.group === '' ? `api/${def.version}` : `apis/${groupVersion(def)}`;
}

/** Adds the paths of `def` to `paths`, and what they refer to to `schemas`. */
export function addPaths(
  def: ResourceDef,
  schemas: Schemas,
  paths: JsonObject,
  version: OpenApiVersion,
): void {
  const $ref = schemas.kind(def);
  const scope = def.namespaced ? '/namespaces/{namespace}' : '';
  const root = `/${pathOf(def)}${scope}/${def.plural}`;
  const call = (action: string, names: readonly string[], hasBody = false, part = '') =>
    operation(def, $ref, action, names, hasBody, version, part);
  const inside = def.namespaced ? [parameter('namespace', 'path', version)] : [];
  if (def.postOnly) {
    paths[root] = { post: call('post', WRITE, true), ...parameters(inside) };
    return;
  }
  paths[root] = {
    get: call('list', READ),
    post: call('post', WRITE, true),
    delete: call('deletecollection', [...DELETE, 'labelSelector', 'fieldSelector']),
    ...parameters(inside),
  };
  const one = [parameter('name', 'path', version), ...inside];
  const changes = (part: string) => ({
    get: call('get', [], false, part),
    put: call('put', WRITE, true, part),
    patch: call('patch', [...WRITE, 'force'], true, part),
    ...parameters(one),
  });
  paths[`${root}/{name}`] = { ...changes(''), delete: call('delete', DELETE) };
  if (def.rules.hasStatus) paths[`${root}/{name}/status`] = changes('Status');
}

function operation(
  def: ResourceDef,
  $ref: string,
  action: string,
  names: readonly string[],
  hasBody: boolean,
  version: OpenApiVersion,
  part: string,
): JsonObject {
  const { group, kind } = def;
  const schema = { $ref };
  const all: JsonObject[] = names.map((name) => parameter(name, 'query', version));
  if (hasBody && version === 2) all.unshift({ name: 'body', in: 'body', required: true, schema });
  const content = { 'application/json': { schema } };
  return {
    operationId: operationId(def, action, part),
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version: def.version, kind },
    parameters: all,
    ...(hasBody && version === 3
      ? { requestBody: { content: { '*/*': { schema } }, required: true } }
      : {}),
    responses: { '200': { description: 'OK', ...(version === 2 ? { schema } : { content }) } },
  };
}

/** What the operation is called in the real documents: `readCoreV1NamespacedPodStatus`. */
function operationId(def: ResourceDef, action: string, part: string): string {
  const group = def.group.replace(/\.k8s\.io$/, '') || 'core';
  const words = [...group.split(/[^a-z0-9]+/), def.version];
  const capitals = words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  const scope = def.namespaced ? 'Namespaced' : '';
  return `${VERBS[action] ?? action}${capitals.join('')}${scope}${def.kind}${part}`;
}

function parameter(name: string, place: 'path' | 'query', version: OpenApiVersion): JsonObject {
  const form = { type: 'string', uniqueItems: true };
  return {
    name,
    in: place,
    ...(place === 'path' ? { required: true } : {}),
    ...(version === 2 ? form : { schema: form }),
  };
}

function parameters(all: Json[]): JsonObject {
  return all.length === 0 ? {} : { parameters: all };
}
