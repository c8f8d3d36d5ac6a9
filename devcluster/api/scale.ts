/**
 * The subresource `scale`: a workload's replicas, read and written as a Scale of autoscaling/v1.
 */

import { groupVersion, type ResourceDef, type ScalePaths } from '../kinds/resources.ts';
import { selectorText } from '../kinds/selectors.ts';
import { jsonPatch, mergePatch } from '../patch/json-patch.ts';
import {
  asNumber,
  asObject,
  asString,
  at,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
} from '../values/json.ts';
import {
  badRequest,
  fieldError,
  invalid,
  methodNotAllowed,
  modified,
  noResource,
  unsupportedMediaType,
} from '../values/status.ts';
import { checkType } from './admission.ts';
import { mediaType, parseText, readObject, readText } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { reply, writeOptions } from './reply.ts';
import { isTrue, type ResourcePath } from './request.ts';
import { transient } from './transient.ts';

const APPLY = 'application/apply-patch+yaml';

/** autoscaling/v1 Scale of a workload. */
function scaleOf(paths: ScalePaths, object: KubeObject): JsonObject {
  const selector = paths.selector === undefined ? undefined : at(object, ...paths.selector);
  const text = isObject(selector) ? selectorText(selector) : asString(selector);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: asNumber(at(object, ...paths.spec)) },
    status: {
      replicas: asNumber(at(object, ...paths.status)),
      ...(text === '' ? {} : { selector: text }),
    },
  };
}

/** Serves one call for the scale of `target`. */
export async function scale(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
  verb: string,
): Promise<void> {
  const paths = def.scale;
  if (!paths) throw noResource();
  const { objects } = context;
  if (verb === 'get') {
    const live = objects.get(def, target.namespace, target.name);
    await replyScale(context, call, scaleOf(paths, live));
    return;
  }
  if (verb !== 'update' && verb !== 'patch') throw methodNotAllowed();
  if (mediaType(call.request) === APPLY && verb === 'patch') {
    await applyScale(context, call, def, target, paths);
    return;
  }
  const wanted = await scaleChange(call, verb);
  const written = objects.modify(
    def,
    target.namespace,
    target.name,
    (live) => {
      const asked = wanted(scaleOf(paths, live));
      const replicas = replicasOf(asked, target.name);
      const version = asString(at(asked, 'metadata', 'resourceVersion'));
      if (version !== '' && version !== live.metadata.resourceVersion) {
        throw modified(def.group, def.plural, target.name);
      }
      return withValue(live, paths.spec, replicas);
    },
    { ...writeOptions(call), part: 'scale' },
  );
  await replyScale(context, call, scaleOf(paths, written));
}

/** What a Scale asks for. */
function replicasOf(scale: JsonObject, name: string): number {
  const replicas = at(scale, 'spec', 'replicas') ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw badRequest(
      'Scale in version "v1" cannot be handled as a Scale: spec.replicas must be an integer',
    );
  }
  if (replicas < 0) {
    const why = 'must be greater than or equal to 0';
    throw invalid('autoscaling', 'Scale', name, [
      fieldError.invalid('spec.replicas', replicas, why),
    ]);
  }
  return replicas;
}

/** Applying a Scale is applying the one field of the workload it stands for, so it can conflict like any other. */
async function applyScale(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
  paths: ScalePaths,
): Promise<void> {
  const options = {
    ...writeOptions(call, 'scale'),
    force: isTrue(call.query.get('force')),
  };
  const scale = asObject(await parseText(await readText(call.request), true));
  checkType(transient('autoscaling', 'Scale'), scale);
  const head = { apiVersion: groupVersion(def), kind: def.kind, metadata: scale.metadata ?? {} };
  const replicas = at(scale, 'spec', 'replicas');
  const config =
    replicas === undefined ? head : withValue(head, paths.spec, replicasOf(scale, target.name));
  const { objects } = context;
  const { object } = objects.apply(def, target.namespace, target.name, config, options);
  await replyScale(context, call, scaleOf(paths, object));
}

async function scaleChange(call: Call, verb: string): Promise<(current: JsonObject) => JsonObject> {
  if (verb === 'update') {
    const body = await readObject(call.request);
    return () => body;
  }
  const type = mediaType(call.request);
  const known = [
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
    APPLY,
  ];
  if (!known.includes(type)) throw unsupportedMediaType(known);
  const patch = await parseText(await readText(call.request), false);
  return (current) =>
    asObject(
      type === 'application/json-patch+json'
        ? jsonPatch(current, patch)
        : mergePatch(current, patch),
    );
}

function withValue(object: JsonObject, path: readonly string[], value: Json): JsonObject {
  const [key = '', ...rest] = path;
  return {
    ...object,
    [key]: rest.length === 0 ? value : withValue(asObject(object[key]), rest, value),
  };
}

async function replyScale(context: ApiContext, call: Call, body: JsonObject): Promise<void> {
  await reply(context, call, transient('autoscaling', 'Scale'), 200, body as KubeObject);
}
