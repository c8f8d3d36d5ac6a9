/**
 * Deletions over HTTP: of one object and of a collection.
 */

import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import { asString, type Json } from '../values/json.ts';
import { ApiError, methodNotAllowed } from '../values/status.ts';
import { readObject } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { type Deletion, deleteObject, deleteOptions } from './deletion.ts';
import type { WritePart } from './object-parts.ts';
import { selection } from './read.ts';
import { reply } from './reply.ts';
import { namespaceToWrite, type ResourcePath } from './request.ts';
import { send } from './respond.ts';

/** Answers the deletion of one object. */
export async function deleteVerb(
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
async function replyDeleted(
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

/** Answers the deletion of a collection. */
export async function deleteAllVerb(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
): Promise<void> {
  if (def.noDeleteCollection) throw methodNotAllowed();
  const namespace = namespaceToWrite(def, target);
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
