/**
 * One action of a plan, carried out.
 *
 * Promises: what somebody else made is not written, whether the watch has told of it or not; what changed underneath
 * is not forced: a delete whose object was replaced, or a status whose object is gone, is over, for the watch will lead
 * to a new plan; an apply whose object was replaced, or has appeared, fails and is tried again with what is there then.
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
import { isOurs } from './foreign.ts';
import type { Action, Applied, Written } from './input.ts';

const RESOURCES: Readonly<Record<Written, Resource<KubeObject>>> = {
  Namespace: namespaces,
  Service: services,
  EndpointSlice: endpointSlices,
  ServiceExport: serviceExports,
  Link: links,
  TrafficPolicy: trafficPolicies,
};

/** What {@link runActions} works with. */
export interface ApplyContext {
  readonly client: KubeClient;
  /** Ends what is under way, and nothing is begun afterwards. */
  readonly signal: AbortSignal;
  /** What the watches tell. */
  readonly known: (kind: Applied, key: string) => KubeObject | undefined;
  /** Somebody else's object stands where ours would. */
  readonly onForeign: (kind: Applied, found: KubeObject) => void;
  /** Told of every action that was carried out or failed. */
  readonly onAction?: ((action: Action, failed: boolean) => void) | undefined;
}

/** Runs `actions`, all of one key, in order. Throws when `signal` aborts, and begins nothing more. */
export async function runActions(context: ApplyContext, actions: readonly Action[]): Promise<void> {
  // A mirror Service that was applied just now is known from its answer.
  const applied = new Map<string, string | undefined>();
  for (const action of actions) {
    context.signal.throwIfAborted();
    let failed = true;
    try {
      await runAction(context, action, applied);
      failed = false;
    } finally {
      context.onAction?.(action, failed);
    }
  }
}

async function runAction(
  context: ApplyContext,
  action: Action,
  applied: Map<string, string | undefined>,
): Promise<void> {
  const { client, signal } = context;
  const resource = RESOURCES[action.kind];
  if (action.do === 'delete') {
    const { name, namespace, uid } = action;
    const options = { signal, ...(uid === undefined ? {} : { uid }) };
    await unlessGone(client.delete(resource, name, namespace, options), 409);
  } else if (action.do === 'status') {
    await unlessGone(client.applyStatus(resource, action.object, { signal }), 404);
  } else {
    const { object, owner } = action;
    const uid = owner && (applied.get(owner) ?? ownUid(context, 'Service', owner));
    // Without its Service a slice would be an orphan; the Service's arrival brings a new plan.
    if (owner !== undefined && uid === undefined) return;
    const owned = owner === undefined ? object : withOwner(object, owner, uid ?? '');
    const answer = await applyObject(context, action.kind, owned);
    if (action.kind === 'Service') applied.set(objectKey(object), answer?.metadata.uid);
  }
}

/** The object of that kind and name that is there now. */
export function readObject(
  client: KubeClient,
  kind: Applied,
  { metadata }: Pick<KubeObject, 'metadata'>,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  return client.get(RESOURCES[kind], metadata.name, metadata.namespace, { signal });
}

/** Undefined when the object there is not ours. */
async function applyObject(
  { client, signal, known, onForeign }: ApplyContext,
  kind: Applied,
  object: KubeObject,
): Promise<KubeObject | undefined> {
  const watched = known(kind, objectKey(object));
  // The watch may lag behind: what it does not tell of may be somebody else's all the same.
  const found = watched ?? (await readObject(client, kind, object, signal));
  if (found !== undefined && !isOurs(kind, found)) {
    if (watched === undefined) onForeign(kind, found);
    return undefined;
  }
  signal.throwIfAborted();
  const uid = found?.metadata.uid;
  // Somebody else may make one of that name in this very moment.
  const ifAbsent = found === undefined;
  if (uid === undefined) return await client.apply(RESOURCES[kind], object, { signal, ifAbsent });
  // With the uid, a successor of the same name is refused.
  const named = { ...object, metadata: { ...object.metadata, uid } };
  return await client.apply(RESOURCES[kind], named, { signal });
}

function ownUid({ known }: ApplyContext, kind: Applied, key: string): string | undefined {
  const found = known(kind, key);
  return found && isOurs(kind, found) ? found.metadata.uid : undefined;
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
