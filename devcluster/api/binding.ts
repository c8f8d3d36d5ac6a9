/**
 * Bindings: what a scheduler says of a pod, as subresource of the pod or to the collection of bindings.
 */
import { readObject } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { asObject, asString, at, type KubeObject } from './json.ts';
import { writeOptions } from './reply.ts';
import type { ResourcePath } from './request.ts';
import { groupVersion, type ResourceDef } from './resources.ts';
import { send } from './respond.ts';
import { conflict } from './status.ts';

/** Assigns the pod `target` to a node. */
export async function bind(
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
