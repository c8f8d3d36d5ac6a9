/**
 * Lists over HTTP: whole objects, tables, or metadata alone.
 */

import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import type { Json, JsonObject, KubeObject } from '../values/json.ts';
import type { ApiContext, Call } from './context.ts';
import { type Form, negotiate } from './negotiate.ts';
import { shown } from './objects.ts';
import { faultSubject, type ResourcePath } from './request.ts';
import { send, sendText } from './respond.ts';
import { itemTextOf } from './serialise.ts';
import { partial, tableOf } from './table.ts';

/** Answers one list. */
export async function listVerb(
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
