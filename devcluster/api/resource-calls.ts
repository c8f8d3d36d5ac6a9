/**
 * The verbs of one resource over HTTP: who answers each, and those that write one whole object.
 */

import type { ResourceDef } from '../kinds/resources.ts';
import { asObject, asString, without } from '../values/json.ts';
import { conflict, methodNotAllowed } from '../values/status.ts';
import { checkMayCreate } from './apply-call.ts';
import { bind } from './binding.ts';
import { readObject } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { deleteAllVerb, deleteVerb } from './delete-calls.ts';
import { checkEscalation } from './escalation.ts';
import { listVerb } from './list-call.ts';
import { negotiate } from './negotiate.ts';
import { checkName, MADE_BY_UPDATE, type WritePart } from './object-parts.ts';
import { patchVerb } from './patch-call.ts';
import { reply, writeOptions } from './reply.ts';
import { faultSubject, namespaceToWrite, type ResourcePath } from './request.ts';
import { serveReview } from './reviews.ts';
import { serveSubresource } from './subresources.ts';

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
      await listVerb(context, call, def, target);
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
      await patchVerb(context, call, def, target, part);
      return;
    case 'delete':
      await deleteVerb(context, call, def, target, part);
      return;
    case 'deletecollection':
      await deleteAllVerb(context, call, def, target);
      return;
    default:
      throw methodNotAllowed();
  }
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
  const object = context.objects.create(
    def,
    namespaceToWrite(def, target),
    body,
    writeOptions(call),
  );
  await reply(context, call, def, 201, object);
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
