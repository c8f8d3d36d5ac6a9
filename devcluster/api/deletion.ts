/**
 * Deletion: preconditions, grace, propagation.
 *
 * After "Garbage Collection" and "Pod Lifecycle: Termination" of the Kubernetes documentation. What waits (a finalizer, a
 * grace period, the content of a namespace) is marked and left; the controllers finish it.
 */
import type { Clock } from '#core/clock.ts';
import type { ResourceDef } from '../kinds/resources.ts';
import {
  asList,
  asNumber,
  asObject,
  asString,
  at,
  isDeleting,
  type JsonObject,
  type KubeObject,
} from '../values/json.ts';
import {
  badRequest,
  type Cause,
  conflict,
  fieldError,
  forbidden,
  invalid,
} from '../values/status.ts';
import { type Objects, shown } from './objects.ts';

/** Finalizer of a foreground deletion. */
export const FOREGROUND = 'foregroundDeletion';
/** Finalizer of a deletion that leaves dependents behind. */
export const ORPHAN = 'orphan';

/** Namespaces the admission plugin NamespaceLifecycle keeps. */
const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

/** metav1.DeleteOptions, body or query. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: string | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly dryRun?: boolean;
}

/**
 * Reads DeleteOptions from a body and a query; the body wins. Refuses what it does not know before anything is deleted, after
 * ValidateDeleteOptions in staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation.
 */
export function deleteOptions(body: JsonObject, query: URLSearchParams): DeleteOptions {
  const kind = asString(body.kind);
  if (kind !== '' && kind !== 'DeleteOptions') {
    const version = JSON.stringify(asString(body.apiVersion));
    throw badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${version}`);
  }
  const grace = body.gracePeriodSeconds ?? numberOf(query.get('gracePeriodSeconds'));
  if (grace !== undefined && !Number.isInteger(grace)) {
    throw badRequest('gracePeriodSeconds must be an integer');
  }
  let policy = asString(body.propagationPolicy) || (query.get('propagationPolicy') ?? '');
  const causes: Cause[] = [];
  if (typeof body.orphanDependents === 'boolean') {
    if (policy === '') policy = body.orphanDependents ? 'Orphan' : 'Background';
    else {
      const why = 'orphanDependents and deletionPropagation cannot be both set';
      causes.push(fieldError.invalid('propagationPolicy', policy, why));
    }
  }
  if (!['', 'Background', 'Foreground', 'Orphan'].includes(policy)) {
    const known = ['Foreground', 'Background', 'Orphan', 'nil'];
    causes.push(fieldError.unsupported('propagationPolicy', policy, known));
  }
  const inBody = asList(body.dryRun);
  const dryRun = (inBody.length > 0 ? inBody : query.getAll('dryRun')).filter(
    (each) => each !== '',
  );
  if (dryRun.some((each) => each !== 'All')) {
    causes.push(fieldError.unsupported('dryRun', dryRun, ['All']));
  }
  if (causes.length > 0) throw invalid('meta.k8s.io', 'DeleteOptions', '', causes);
  return {
    // "Negative values will be treated as the value `1s` on the delete path": apiserver/pkg/registry/rest/delete.go.
    gracePeriodSeconds: typeof grace !== 'number' ? undefined : grace < 0 ? 1 : grace,
    propagationPolicy: policy === '' ? undefined : policy,
    uid: asString(at(body, 'preconditions', 'uid')) || undefined,
    resourceVersion: asString(at(body, 'preconditions', 'resourceVersion')) || undefined,
    dryRun: dryRun.length > 0,
  };
}

/** What became of the object. */
export interface Deletion {
  readonly object: KubeObject;
  /** False while it waits for a finalizer or its grace period. */
  readonly removed: boolean;
}

/** Deletes one object, or begins to. */
export function deleteObject(
  objects: Objects,
  clock: Clock,
  def: ResourceDef,
  namespace: string,
  name: string,
  options: DeleteOptions,
): Deletion {
  const live = objects.get(def, namespace, name);
  if (def.storage === 'namespaces' && IMMORTAL.has(name)) {
    throw forbidden('', 'namespaces', name, 'this namespace may not be deleted');
  }
  checkPreconditions(def, live, options);
  const stored = objects.store.get(def.storage, namespace, name) ?? live;
  const finalizers = propagate(asList(live.metadata.finalizers).map(String), options);
  const grace = graceOf(stored, options);
  const waits =
    finalizers.length > 0 || grace > 0 || (def.kind === 'Namespace' && def.group === '');
  if (options.dryRun) return { object: live, removed: !waits };
  if (!waits) return { object: shown(def, objects.remove(def, stored)), removed: true };
  const begun = begin(clock, def, stored, finalizers, grace);
  if (begun === stored) return { object: live, removed: false };
  return { object: shown(def, objects.commit(def, begun)), removed: false };
}

function begin(
  clock: Clock,
  def: ResourceDef,
  stored: KubeObject,
  finalizers: readonly string[],
  grace: number,
): KubeObject {
  const before = stored.metadata.deletionGracePeriodSeconds;
  const shorter = isDeleting(stored) && grace < asNumber(before, grace);
  const sameFinalizers = finalizers.length === asList(stored.metadata.finalizers).length;
  if (isDeleting(stored) && !shorter && sameFinalizers) return stored;
  const at = new Date(clock.wallMs() + grace * 1_000);
  const metadata = { ...stored.metadata };
  if (!isDeleting(stored) || shorter) {
    metadata.deletionTimestamp = `${at.toISOString().slice(0, 19)}Z`;
    metadata.deletionGracePeriodSeconds = grace;
    if (def.rules.hasGeneration && !shorter) {
      metadata.generation = asNumber(metadata.generation, 1) + 1;
    }
  }
  if (finalizers.length > 0) metadata.finalizers = [...finalizers];
  const object: KubeObject = { ...stored, metadata };
  if (def.kind === 'Namespace' && def.group === '') {
    object.status = { ...asObject(stored.status), phase: 'Terminating' };
  }
  return object;
}

function propagate(finalizers: string[], options: DeleteOptions): string[] {
  const policy = options.propagationPolicy;
  if (policy === undefined) return finalizers;
  const kept = finalizers.filter((item) => item !== FOREGROUND && item !== ORPHAN);
  if (policy === 'Foreground') return [...kept, FOREGROUND];
  return policy === 'Orphan' ? [...kept, ORPHAN] : kept;
}

/** Seconds a pod gets; nothing else has a grace period. */
function graceOf(object: KubeObject, options: DeleteOptions): number {
  if (object.kind !== 'Pod' || object.apiVersion !== 'v1') return 0;
  const phase = at(object, 'status', 'phase');
  if (at(object, 'spec', 'nodeName') === undefined || phase === 'Failed' || phase === 'Succeeded') {
    return 0;
  }
  const asked =
    options.gracePeriodSeconds ?? asNumber(at(object, 'spec', 'terminationGracePeriodSeconds'), 30);
  const running = object.metadata.deletionGracePeriodSeconds;
  return typeof running === 'number' && isDeleting(object) ? Math.min(running, asked) : asked;
}

/** k8s.io/apiserver/pkg/registry/rest names the kind here, where elsewhere it names the resource. */
function checkPreconditions(def: ResourceDef, live: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = live.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw conflict(def.group, def.kind, live.metadata.name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(def.group, def.kind, live.metadata.name, why);
  }
}

function numberOf(text: string | null): number | undefined {
  return text === null || text === '' ? undefined : Number(text);
}
