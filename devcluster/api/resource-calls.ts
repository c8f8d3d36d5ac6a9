/**
 * The verbs of one resource over HTTP.
 */

import { jsonPatch, mergePatch } from '../patch/json-patch.ts';
import { strategicMerge } from '../patch/strategic.ts';
import { applyVerb, checkMayCreate } from './apply-call.ts';
import { bind } from './binding.ts';
import { mediaType, parseText, readObject, readText } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { type Deletion, deleteObject, deleteOptions } from './deletion.ts';
import { checkEscalation } from './escalation.ts';
import {
  asObject,
  asString,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  without,
} from './json.ts';
import { type Form, negotiate } from './negotiate.ts';
import { checkName, MADE_BY_UPDATE, type WritePart } from './object-parts.ts';
import { shown } from './objects.ts';
import { selection } from './read.ts';
import { reply, writeOptions } from './reply.ts';
import { faultSubject, type ResourcePath } from './request.ts';
import { groupVersion, type ResourceDef } from './resources.ts';
import { send, sendText } from './respond.ts';
import { serveReview } from './reviews.ts';
import { itemTextOf } from './serialise.ts';
import {
  ApiError,
  badRequest,
  conflict,
  methodNotAllowed,
  unsupportedMediaType,
} from './status.ts';
import { serveSubresource } from './subresources.ts';
import { partial, tableOf } from './table.ts';

/** Serves one call for `def`. */
export async function serveResource(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
  verb: string,
): Promise<void> {
  if (def.postOnly) {
    if (verb !== 'create' || target.name !== '') throw methodNotAllowed();
    if (def.kind === 'Binding') await bind(context, call, target.namespace);
    else await serveReview(context, call, def, target.namespace);
    return;
  }
  if (target.subresource !== '' && target.subresource !== 'status') {
    await serveSubresource(context, call, def, target, verb);
    return;
  }
  if (target.subresource === 'status' && !def.rules.hasStatus) throw methodNotAllowed();
  if (target.namespace !== '' && !def.namespaced) throw methodNotAllowed();
  const part: WritePart = target.subresource === 'status' ? 'status' : '';
  switch (verb) {
    case 'get': {
      context.lists.checkVersion(call.query.get('resourceVersion') ?? '');
      const view = context.faults.view(faultSubject(call, target, verb));
      const object = context.objects.get(def, target.namespace, target.name, view);
      await reply(context, call, def, 200, object);
      return;
    }
    case 'list':
      await list(context, call, def, target);
      return;
    case 'watch': {
      const form = negotiate(call.request.headers.accept);
      const query = new URLSearchParams(call.query);
      if (target.name !== '') query.set('fieldSelector', `metadata.name=${target.name}`);
      context.watches.serve(def, target.namespace, query, form, call.response, call.user.name);
      return;
    }
    case 'create':
      await create(context, call, def, target);
      return;
    case 'update':
      await update(context, call, def, target, part);
      return;
    case 'patch':
      await patch(context, call, def, target, part);
      return;
    case 'delete':
      await remove(context, call, def, target, part);
      return;
    case 'deletecollection':
      await removeAll(context, call, def, target);
      return;
    default:
      throw methodNotAllowed();
  }
}

async function list(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
): Promise<void> {
  const form = negotiate(call.request.headers.accept);
  const { items, metadata } = context.lists.list(
    def,
    target.namespace,
    call.query,
    context.faults.view(faultSubject(call, target, 'list')),
  );
  if (form.as === '' && form.encoding === 'json') {
    const head = `{"kind":"${def.listKind}","apiVersion":"${groupVersion(def)}","metadata":${JSON.stringify(metadata)},"items":[`;
    const texts = items.map((item) => itemTextOf(def, item));
    sendText(call.response, 200, `${head}${texts.join(',')}]}`);
    return;
  }
  const objects = items.map((item) => shown(def, item));
  await send(
    call.response,
    200,
    listBody(def, objects, metadata, form, call, context.clock.wallMs()),
    form.encoding,
  );
}

function listBody(
  def: ResourceDef,
  objects: readonly KubeObject[],
  metadata: JsonObject,
  form: Form,
  call: Call,
  nowMs: number,
): JsonObject {
  if (form.as === 'Table') {
    return tableOf(def, objects, metadata, call.query.get('includeObject') ?? 'Metadata', nowMs);
  }
  if (form.as === 'PartialObjectMetadataList' || form.as === 'PartialObjectMetadata') {
    const items = objects.map(partial) as Json[];
    return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items };
  }
  return {
    kind: def.listKind,
    apiVersion: groupVersion(def),
    metadata,
    items: objects as unknown as Json[],
  };
}

async function create(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
): Promise<void> {
  if (target.name !== '') throw methodNotAllowed();
  const body = await readObject(call.request);
  checkEscalation(context, call.user, def, target.namespace, body);
  const object = context.objects.create(def, namespaceFor(def, target), body, writeOptions(call));
  await reply(context, call, def, 201, object);
}

/** A namespaced resource must be written below a namespace. */
function namespaceFor(def: ResourceDef, target: ResourcePath): string {
  if (def.namespaced && target.namespace === '') throw methodNotAllowed();
  return target.namespace;
}

async function update(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
  part: WritePart,
): Promise<void> {
  if (target.name === '') throw methodNotAllowed();
  const body = await readObject(call.request);
  checkEscalation(context, call.user, def, target.namespace, body);
  const options = writeOptions(call, part);
  const { namespace, name } = target;
  const isMade =
    part === '' &&
    MADE_BY_UPDATE.has(def.storage) &&
    !context.store.get(def.storage, namespace, name);
  if (isMade) {
    checkMayCreate(context, call, def, target);
    checkName(body, name);
    const metadata = without(asObject(body.metadata), 'resourceVersion');
    const uid = asString(metadata.uid);
    if (uid !== '') {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: `;
      throw conflict(def.group, def.plural, name, why);
    }
    const made = context.objects.create(def, namespace, { ...body, metadata }, options);
    await reply(context, call, def, 201, made);
    return;
  }
  const object = context.objects.update(def, namespace, name, body, options);
  await reply(context, call, def, 200, object);
}

const PATCHES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

async function patch(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
  part: WritePart,
): Promise<void> {
  if (target.name === '') throw methodNotAllowed();
  const type = mediaType(call.request);
  if (type === PATCHES.apply) {
    await applyVerb(context, call, def, target, part);
    return;
  }
  const options = writeOptions(call, part);
  const change = await patchFunction(call, def);
  const { objects } = context;
  const object = objects.modify(
    def,
    target.namespace,
    target.name,
    (live) => {
      const changed = change(live);
      checkEscalation(context, call.user, def, target.namespace, changed, live);
      return changed;
    },
    options,
  );
  await reply(context, call, def, 200, object);
}

/** The body of a PATCH as a function of the live object. */
export async function patchFunction(
  call: Call,
  def: ResourceDef,
): Promise<(live: KubeObject) => JsonObject> {
  const type = mediaType(call.request);
  const accepted = [PATCHES.json, PATCHES.merge, PATCHES.apply];
  if (type !== PATCHES.json && type !== PATCHES.merge) {
    if (type !== PATCHES.strategic || def.custom) {
      throw unsupportedMediaType(def.custom ? accepted : [...accepted, PATCHES.strategic]);
    }
  }
  const body = await parseText(await readText(call.request), false);
  return (live) => {
    const changed =
      type === PATCHES.json
        ? jsonPatch(live, body)
        : type === PATCHES.merge
          ? mergePatch(live, needObject(body))
          : strategicMerge(def.schema, live, needObject(body));
    return needObject(changed);
  };
}

function needObject(value: Json): JsonObject {
  if (!isObject(value)) throw badRequest('cannot unmarshal a patch that is no object');
  return value;
}

async function remove(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
  part: WritePart,
): Promise<void> {
  if (part !== '') throw methodNotAllowed();
  const options = deleteOptions(await readObject(call.request, true), call.query);
  call.dryRun = options.dryRun === true;
  const { objects, clock } = context;
  const deletion = deleteObject(objects, clock, def, target.namespace, target.name, options);
  await replyDeleted(context, call, def, deletion);
}

/** What a DELETE answers: the object while it waits (and for pods always), else a Status. */
export async function replyDeleted(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  deletion: Deletion,
): Promise<void> {
  const returnsObject = ['Pod', 'Service', 'ServiceAccount'].includes(def.kind) && def.group === '';
  if (!deletion.removed || returnsObject) {
    await reply(context, call, def, 200, deletion.object);
    return;
  }
  const { name, uid } = deletion.object.metadata;
  await send(call.response, 200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name,
      ...(def.group === '' ? {} : { group: def.group }),
      kind: def.plural,
      uid: asString(uid),
    },
  });
}

async function removeAll(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
): Promise<void> {
  if (def.noDeleteCollection) throw methodNotAllowed();
  const namespace = namespaceFor(def, target);
  const options = deleteOptions(await readObject(call.request, true), call.query);
  call.dryRun = options.dryRun === true;
  const predicate = selection(def, call.query);
  const { objects, clock } = context;
  const deleted: Json[] = [];
  for (const object of objects.store.list(def.storage, namespace)) {
    if (predicate && !predicate(object)) continue;
    const { name } = object.metadata;
    try {
      deleted.push(deleteObject(objects, clock, def, namespace, name, options).object);
    } catch (error) {
      // A finalizer's controller may have been quicker; anything else is the client's to hear.
      if (!(error instanceof ApiError && error.code === 404)) throw error;
    }
  }
  await send(call.response, 200, {
    kind: def.listKind,
    apiVersion: groupVersion(def),
    metadata: { resourceVersion: String(objects.store.revision) },
    items: deleted,
  });
}
