/**
 * Subresources beside status: to whom each goes, and clear refusals of those that need containers.
 */

import type { ResourceDef } from '../kinds/resources.ts';
import { asObject, asString, at, type KubeObject } from '../values/json.ts';
import { methodNotAllowed, modified, noResource, notImplemented } from '../values/status.ts';
import { bind } from './binding.ts';
import { readObject } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { evict } from './eviction.ts';
import { reply, writeOptions } from './reply.ts';
import type { ResourcePath } from './request.ts';
import { scale } from './scale.ts';
import { requestToken } from './token-request.ts';

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
      await requestToken(context, call, target);
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
      await bind(context, call, target.namespace, target.name);
      return;
    default:
      context.objects.get(def, target.namespace, target.name);
      throw notImplemented(
        `${target.subresource} of ${def.plural} is not served by this embedded cluster: its ${def.plural} are not containers`,
      );
  }
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
