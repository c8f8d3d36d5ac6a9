/**
 * What is asked before anything is stored, beside the rules of its kind.
 */

import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import type { Store } from '../storage/store.ts';
import {
  asObject,
  asObjects,
  asString,
  isDeleting,
  type JsonObject,
  type KubeObject,
} from '../values/json.ts';
import { ApiError, badRequest, forbidden, notFound } from '../values/status.ts';

/** The admission plugin NamespaceLifecycle: nothing new where there is no namespace, or none for long. */
export function admitNamespace(
  store: Store,
  def: ResourceDef,
  namespace: string,
  name: string,
): void {
  const found = store.get('namespaces', '', namespace);
  if (!found) throw notFound('', 'namespaces', namespace);
  if (!isDeleting(found)) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const error = forbidden(def.group, def.plural, name, why);
  throw new ApiError(error.code, error.reason, error.message, {
    ...error.details,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  });
}

/** What is asked of a pod and added to it before it is created. */
export function admitPod(store: Store, def: ResourceDef, pod: KubeObject): KubeObject {
  admitAccount(store, def, pod);
  return withTolerations(withPriority(store, def, pod));
}

/** Seconds a pod stays on a node that is lost: plugin/pkg/admission/defaulttolerationseconds. */
const TOLERATION_SECONDS = 300;

/** The admission plugin DefaultTolerationSeconds: a node may be away for a while before its pods are given up. */
function withTolerations(pod: KubeObject): KubeObject {
  const spec = asObject(pod.spec);
  const own = asObjects(spec.tolerations);
  const added = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']
    .filter((taint) => {
      const isMet = ({ key, effect }: JsonObject) =>
        (asString(key) === '' || key === taint) && ['', 'NoExecute'].includes(asString(effect));
      return !own.some(isMet);
    })
    .map((key) => ({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: TOLERATION_SECONDS,
    }));
  return added.length === 0 ? pod : { ...pod, spec: { ...spec, tolerations: [...own, ...added] } };
}

/** The admission plugin ServiceAccount: a pod without its account would have no token. */
function admitAccount(store: Store, def: ResourceDef, pod: KubeObject): void {
  const namespace = asString(pod.metadata.namespace);
  const account = asString(asObject(pod.spec).serviceAccountName) || 'default';
  if (store.get('serviceaccounts', namespace, account)) return;
  const why = `error looking up service account ${namespace}/${account}: serviceaccount ${JSON.stringify(account)} not found`;
  throw forbidden(def.group, def.plural, asString(pod.metadata.name), why);
}

const PRIORITY_CLASSES = 'priorityclasses.scheduling.k8s.io';

/** The admission plugin Priority: a pod has the priority of the class it names, or of the one for all pods. */
function withPriority(store: Store, def: ResourceDef, pod: KubeObject): KubeObject {
  const spec = asObject(pod.spec);
  const asked = asString(spec.priorityClassName);
  const found =
    asked === ''
      ? store.list(PRIORITY_CLASSES).find(({ globalDefault }) => globalDefault === true)
      : store.get(PRIORITY_CLASSES, '', asked);
  if (asked !== '' && !found) {
    const why = `no PriorityClass with name ${asked} was found`;
    throw forbidden(def.group, def.plural, asString(pod.metadata.name), why);
  }
  const priority = {
    ...(found ? { priorityClassName: found.metadata.name } : {}),
    priority: found?.value ?? 0,
    preemptionPolicy: found?.preemptionPolicy ?? 'PreemptLowerPriority',
  };
  return { ...pod, spec: { ...spec, ...priority } };
}

/** Of what is applied nothing is taken for granted: managedfields/internal/versioncheck.go of k8s.io/apimachinery. */
export function checkType(def: ResourceDef, config: JsonObject): void {
  const [apiVersion, kind] = [asString(config.apiVersion), asString(config.kind)];
  if (apiVersion === groupVersion(def) && kind === def.kind) return;
  const full = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`;
  throw badRequest(`invalid object type: ${full}, Kind=${kind}`);
}

/** The real server cannot make a typed object of it, and calls that an error without a reason. */
export function untyped(
  def: ResourceDef,
  namespace: string,
  name: string,
  complaints: readonly string[],
): ApiError {
  const place = `${namespace}/${name}; ${groupVersion(def)}, Kind=${def.kind}`;
  const message = `failed to create typed patch object (${place}): ${complaints.join('\n')}`;
  return new ApiError(500, '', message);
}
