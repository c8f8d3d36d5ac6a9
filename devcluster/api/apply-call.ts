/**
 * PATCH with `application/apply-patch+yaml`: server-side apply over HTTP.
 */

import type { ResourceDef } from '../kinds/resources.ts';
import { isObject } from '../values/json.ts';
import { badRequest, forbidden } from '../values/status.ts';
import { parseText, readText } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { checkEscalation } from './escalation.ts';
import type { WritePart } from './object-parts.ts';
import { refusal } from './rbac.ts';
import { reply, writeOptions } from './reply.ts';
import { attributesOf, isTrue, type ResourcePath } from './request.ts';

/** Serves one apply. */
export async function applyVerb(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
  part: WritePart,
): Promise<void> {
  const written = writeOptions(call, part);
  const config = await parseText(await readText(call.request), true);
  if (!isObject(config)) throw badRequest('the applied configuration is no object');
  checkEscalation(context, call.user, def, target.namespace, config);
  if (part === '' && !context.store.get(def.storage, target.namespace, target.name)) {
    checkMayCreate(context, call, def, target);
  }
  const options = {
    ...written,
    force: call.query.has('force') && isTrue(call.query.get('force')),
  };
  const { object, created } = context.objects.apply(
    def,
    target.namespace,
    target.name,
    config,
    options,
  );
  await reply(context, call, def, created ? 201 : 200, object);
}

/** Whoever makes an object by applying or replacing it must be allowed to create it as well. */
export function checkMayCreate(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
): void {
  const attributes = attributesOf('create', target, call.query);
  if (context.rbac.allows(call.user, attributes).allowed) return;
  throw forbidden(def.group, def.plural, target.name, refusal(call.user, attributes));
}
