/**
 * Patches over HTTP: which kinds there are, and what each makes of the live object.
 */

import type { ResourceDef } from '../kinds/resources.ts';
import { jsonPatch, mergePatch } from '../patch/json-patch.ts';
import { strategicMerge } from '../patch/strategic.ts';
import { isObject, type Json, type JsonObject, type KubeObject } from '../values/json.ts';
import { badRequest, methodNotAllowed, unsupportedMediaType } from '../values/status.ts';
import { applyVerb } from './apply-call.ts';
import { mediaType, parseText, readText } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { checkEscalation } from './escalation.ts';
import type { WritePart } from './object-parts.ts';
import { reply, writeOptions } from './reply.ts';
import type { ResourcePath } from './request.ts';

const PATCHES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** Answers one PATCH. */
export async function patchVerb(
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
async function patchFunction(
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
