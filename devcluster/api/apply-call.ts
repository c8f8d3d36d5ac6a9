/**
 * PATCH with `application/apply-patch+yaml`: server-side apply over HTTP.
 */
import { parseText, readText } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { checkEscalation } from './escalation.ts';
import { isObject } from './json.ts';
import type { WritePart } from './object-parts.ts';
import { reply, writeOptions } from './reply.ts';
import { isTrue, type ResourcePath } from './request.ts';
import type { ResourceDef } from './resources.ts';
import { badRequest } from './status.ts';

/** Serves one apply. */
export async function applyVerb(
  context: ApiContext,
  call: Call,
  def: ResourceDef,
  target: ResourcePath,
  part: WritePart,
): Promise<void> {
  if (!call.query.get('fieldManager')) {
    throw badRequest(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  }
  const config = await parseText(await readText(call.request), true);
  if (!isObject(config)) throw badRequest('the applied configuration is no object');
  checkEscalation(context, call.user, def, target.namespace, config);
  const options = {
    ...writeOptions(call, part),
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
