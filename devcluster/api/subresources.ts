/**
 * Subresources beside status: scale, token, eviction, binding, finalize; and clear refusals of the rest.
 */
import { BUDGETS, budgetStatus, guards } from '../controllers/disruption-budgets.ts';
import { jsonPatch, mergePatch } from '../patch/json-patch.ts';
import { builtinSchema } from '../schema/builtin.ts';
import { checkType } from './admission.ts';
import { mediaType, parseText, readObject, readText } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { deleteObject, deleteOptions } from './deletion.ts';
import {
  asNumber,
  asObject,
  asString,
  asStrings,
  at,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
} from './json.ts';
import { reply, writeOptions } from './reply.ts';
import { isTrue, type ResourcePath } from './request.ts';
import { groupVersion, type ResourceDef, type ScalePaths } from './resources.ts';
import { send } from './respond.ts';
import { METADATA_FIELDS, selectorText } from './selectors.ts';
import {
  ApiError,
  badRequest,
  conflict,
  fieldError,
  invalid,
  methodNotAllowed,
  modified,
  noResource,
  notFound,
  notImplemented,
  unsupportedMediaType,
} from './status.ts';
import type { BoundObject } from './tokens.ts';

/** Bounds of a token's life, in seconds, as in the real server. */
const TOKEN_SECONDS_MIN = 600;
const TOKEN_SECONDS_MAX = 2 ** 32;
const TOKEN_SECONDS_DEFAULT = 3_600;

const APPLY = 'application/apply-patch+yaml';

/** Serves one call for a subresource of `def`. */
export async function serveSubresource(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
  verb: string,
): Promise<void> {
  if (!def.subresources.includes(target.subresource)) throw noResource();
  switch (target.subresource) {
    case 'scale':
      await scale(context, call, def, target, verb);
      return;
    case 'token':
      if (verb !== 'create') throw methodNotAllowed();
      await token(context, call, target);
      return;
    case 'finalize':
      if (verb !== 'update') throw methodNotAllowed();
      await finalize(context, call, def, target);
      return;
    case 'eviction':
      if (verb !== 'create') throw methodNotAllowed();
      await evict(context, call, def, target);
      return;
    case 'binding':
      if (verb !== 'create') throw methodNotAllowed();
      await bind(context, call, def, target);
      return;
    default:
      context.objects.get(def, target.namespace, target.name);
      throw notImplemented(
        `${target.subresource} of ${def.plural} is not served by this embedded cluster: its ${def.plural} are not containers`,
      );
  }
}

/** autoscaling/v1 Scale of a workload. */
export function scaleOf(paths: ScalePaths, object: KubeObject): JsonObject {
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

async function scale(
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
  checkType(SCALE_DEF, scale);
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
  const def: ResourceDef = { ...SCALE_DEF, schema: builtinSchema('V1Scale') };
  await reply(context, call, def, 200, body as KubeObject);
}

const SCALE_DEF: ResourceDef = {
  group: 'autoscaling',
  version: 'v1',
  plural: 'scales',
  singular: 'scale',
  kind: 'Scale',
  listKind: 'ScaleList',
  shortNames: [],
  categories: [],
  namespaced: true,
  storage: '',
  schema: { type: 'object' },
  columns: [],
  rules: {},
  fields: METADATA_FIELDS,
  subresources: [],
  custom: false,
};

async function token(context: ApiContext, call: Call, target: ResourcePath): Promise<void> {
  const body = await readObject(call.request);
  const account = context.store.get('serviceaccounts', target.namespace, target.name);
  if (!account) throw notFound('', 'serviceaccounts', target.name);
  const spec = asObject(body.spec);
  const seconds = asNumber(spec.expirationSeconds, TOKEN_SECONDS_DEFAULT);
  if (seconds < TOKEN_SECONDS_MIN || seconds > TOKEN_SECONDS_MAX) {
    const why =
      seconds < TOKEN_SECONDS_MIN
        ? 'may not specify a duration less than 10 minutes'
        : 'may not specify a duration larger than 2^32 seconds';
    throw invalid('authentication.k8s.io', 'TokenRequest', '', [
      fieldError.invalid('spec.expirationSeconds', seconds, why),
    ]);
  }
  const { bound, nodeName } = boundObject(context, target, spec);
  const audiences = asStrings(spec.audiences);
  const issued = context.tokens.issue(account, audiences, seconds, bound, nodeName);
  await send(call.response, 201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: {
      name: target.name,
      namespace: target.namespace,
      creationTimestamp: context.objects.now(),
    },
    spec: { ...spec, audiences, expirationSeconds: seconds },
    status: {
      token: issued.token,
      expirationTimestamp: `${new Date(issued.expiresMs).toISOString().slice(0, 19)}Z`,
    },
  });
}

function boundObject(
  context: ApiContext,
  { namespace, name: account }: ResourcePath,
  spec: JsonObject,
): { bound?: BoundObject; nodeName?: string } {
  if (!isObject(spec.boundObjectRef)) return {};
  const reference = asObject(spec.boundObjectRef);
  const kind = asString(reference.kind);
  const name = asString(reference.name);
  const plural = kind === 'Pod' ? 'pods' : kind === 'Secret' ? 'secrets' : undefined;
  if (!plural) {
    throw badRequest(`cannot bind token for serviceaccount to object of type ${kind}`);
  }
  const found = context.store.get(plural, namespace, name);
  if (!found) throw notFound('', plural, name);
  if (kind === 'Pod' && at(found, 'spec', 'serviceAccountName') !== account) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
    );
  }
  const uid = asString(reference.uid);
  if (uid !== '' && uid !== found.metadata.uid) {
    throw conflict(
      '',
      plural,
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  return {
    bound: { kind: kind as 'Pod' | 'Secret', name, uid: found.metadata.uid },
    nodeName: asString(at(found, 'spec', 'nodeName')),
  };
}

async function finalize(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
): Promise<void> {
  const body = await readObject(call.request);
  const live = context.objects.get(def, '', target.name);
  const finalizers = at(body, 'spec', 'finalizers') ?? [];
  const version = asString(at(body, 'metadata', 'resourceVersion'));
  if (version !== '' && version !== live.metadata.resourceVersion) {
    throw modified(def.group, def.plural, target.name);
  }
  const object = { ...live, spec: { ...asObject(live.spec), finalizers } } as KubeObject;
  const { dryRun } = writeOptions(call);
  await reply(context, call, def, 200, dryRun ? object : context.objects.commit(def, object));
}

async function evict(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
): Promise<void> {
  const body = await readObject(call.request);
  const options = deleteOptions(asObject(body.deleteOptions), call.query);
  call.dryRun = options.dryRun === true;
  const { objects, clock, store } = context;
  const pod = objects.get(def, target.namespace, target.name);
  for (const budget of store.list(BUDGETS, target.namespace)) {
    if (!guards(budget, pod) || asNumber(budgetStatus(store, budget).disruptionsAllowed) > 0) {
      continue;
    }
    throw new ApiError(
      429,
      'TooManyRequests',
      "Cannot evict pod as it would violate the pod's disruption budget.",
      {
        causes: [
          {
            reason: 'DisruptionBudget',
            message: `The disruption budget ${budget.metadata.name} does not allow another disruption now`,
          },
        ],
      },
    );
  }
  deleteObject(objects, clock, def, target.namespace, target.name, options);
  await send(call.response, 201, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    code: 201,
  });
}

async function bind(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
): Promise<void> {
  const body = await readObject(call.request);
  const live = context.objects.get(def, target.namespace, target.name);
  if (at(live, 'spec', 'nodeName') !== undefined) {
    throw conflict(
      '',
      'pods',
      target.name,
      `pod ${target.name} is already assigned to node ${asString(at(live, 'spec', 'nodeName'))}`,
    );
  }
  const nodeName = asString(at(body, 'target', 'name'));
  const spec = { ...asObject(live.spec), nodeName };
  if (!writeOptions(call).dryRun) context.objects.commit(def, { ...live, spec } as KubeObject);
  await send(call.response, 201, {
    kind: 'Status',
    apiVersion: groupVersion(def),
    metadata: {},
    status: 'Success',
    code: 201,
  });
}
