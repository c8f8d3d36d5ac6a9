/**
 * One action of a plan, carried out.
 *
 * Promises: what changed underneath is not forced: a delete whose object was replaced, or a status whose
 * object is gone, is over, for the watch will lead to a new plan.
 */
import type { KubeClient, Resource } from '#kube/client.ts';
import { objectKey } from '#kube/parse.ts';
import {
  endpointSlices,
  links,
  namespaces,
  serviceExports,
  services,
  trafficPolicies,
} from '#kube/resources/builtin.ts';
import { statusOf } from '#kube/status.ts';
import type { KubeObject } from '#kube/types.ts';
import type { Action, Written } from './input.ts';

const RESOURCES: Readonly<Record<Written, Resource<KubeObject>>> = {
  Namespace: namespaces,
  Service: services,
  EndpointSlice: endpointSlices,
  ServiceExport: serviceExports,
  Link: links,
  TrafficPolicy: trafficPolicies,
};

/**
 * Runs `actions`, all of one key, in order. `uidOf` knows mirror Services that exist already; one that
 * was applied just now is known from its answer.
 */
export async function runActions(
  client: KubeClient,
  actions: readonly Action[],
  uidOf: (serviceKey: string) => string | undefined,
): Promise<void> {
  const applied = new Map<string, string | undefined>();
  for (const action of actions) {
    const resource = RESOURCES[action.kind];
    if (action.do === 'delete') {
      await removeObject(client, resource, action);
    } else if (action.do === 'status') {
      await unlessGone(client.applyStatus(resource, action.object), 404);
    } else {
      const { object, owner } = action;
      const uid = owner === undefined ? undefined : (applied.get(owner) ?? uidOf(owner));
      // Without its Service a slice would be an orphan; the Service's arrival brings a new plan.
      if (owner !== undefined && uid === undefined) continue;
      const owned = owner === undefined ? object : withOwner(object, owner, uid ?? '');
      const answer = await client.apply(resource, owned);
      if (action.kind === 'Service') applied.set(objectKey(answer), answer.metadata.uid);
    }
  }
}

async function removeObject(
  client: KubeClient,
  resource: Resource<KubeObject>,
  action: Extract<Action, { readonly do: 'delete' }>,
): Promise<void> {
  const { name, namespace, uid } = action;
  const preconditions = uid === undefined ? undefined : { uid };
  await unlessGone(client.delete(resource, name, namespace, preconditions), 409);
}

async function unlessGone(work: Promise<unknown>, status: number): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (statusOf(error) !== status) throw error;
  }
}

/** `object` owned by the mirror Service `owner`, so that the API server collects it with it. */
function withOwner(object: KubeObject, owner: string, uid: string): KubeObject {
  const name = owner.split('/')[1] ?? owner;
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Service', name, uid }];
  return { ...object, metadata: { ...object.metadata, ownerReferences } };
}
