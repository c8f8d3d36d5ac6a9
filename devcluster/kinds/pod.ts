/**
 * Pods: what they have beyond a template, what of them can be updated, and what admission adds. pure
 */
import {
  asObject,
  asObjects,
  asString,
  deepEqual,
  type JsonObject,
  type KubeObject,
} from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import { podSpecDefaults } from './pod-defaults.ts';
import { checkPodSpec } from './pod-spec.ts';
import type { Rules } from './resources.ts';

const MUTABLE = new Set([
  'activeDeadlineSeconds',
  'tolerations',
  'terminationGracePeriodSeconds',
  'schedulingGates',
]);

/** Whether an update of a pod's spec is allowed: images, gates that are taken away, and little else. */
function checkPodUpdate(spec: JsonObject, previous: JsonObject): Cause[] {
  const gates = asObjects(previous.schedulingGates).map(({ name }) => name);
  const added = asObjects(spec.schedulingGates).find(({ name }) => !gates.includes(name));
  if (added !== undefined) {
    const why = `only deletion is allowed, but found new scheduling gate '${asString(added.name)}'`;
    return [fieldError.forbidden('spec.schedulingGates', why)];
  }
  const freeze = (value: JsonObject): JsonObject => {
    const result: JsonObject = {};
    for (const key in value) if (!MUTABLE.has(key) && key !== 'nodeName') result[key] = value[key];
    for (const key of ['containers', 'initContainers']) {
      result[key] = asObjects(value[key]).map((item) => ({ ...item, image: '' }));
    }
    return result;
  };
  const moved = previous.nodeName !== undefined && previous.nodeName !== spec.nodeName;
  return moved || !deepEqual(freeze(spec), freeze(previous))
    ? [
        fieldError.forbidden(
          'spec',
          'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
        ),
      ]
    : [];
}

/** Rules of pods. */
export const podRules: Rules = {
  hasStatus: true,
  hasGeneration: true,
  defaults: (pod) => ({
    ...pod,
    spec: withRequests({ enableServiceLinks: true, ...podSpecDefaults(asObject(pod.spec)) }),
  }),
  admitCreate: (pod) => {
    const spec = withAccountToken(pod);
    return {
      ...pod,
      spec: {
        ...spec,
        serviceAccountName: spec.serviceAccountName ?? 'default',
        serviceAccount: spec.serviceAccountName ?? 'default',
      },
      status: { phase: 'Pending', qosClass: qosClass(spec) },
    } as KubeObject;
  },
  validate: (pod, previous) => {
    const spec = asObject(pod.spec);
    if (previous) return checkPodUpdate(spec, asObject(previous.spec));
    return checkPodSpec(spec, 'spec');
  },
};

/** Of a pod, though not of a template, whoever limits a resource requests as much unless he says otherwise (SetDefaults_Pod). */
function withRequests(spec: JsonObject): JsonObject {
  const result = { ...spec };
  for (const key of ['containers', 'initContainers']) {
    if (!Array.isArray(spec[key])) continue;
    result[key] = asObjects(spec[key]).map((container) => {
      const { limits, requests } = asObject(container.resources);
      if (limits === undefined) return container;
      const both = { ...asObject(limits), ...asObject(requests) };
      return { ...container, resources: { ...asObject(container.resources), requests: both } };
    });
  }
  return result;
}

/** Where a pod finds the token of its account, and the name of the volume that holds it. */
const API_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const API_VOLUME = 'kube-api-access';
/** A real server asks for seven seconds more than an hour. */
const API_TOKEN_SECONDS = 3_607;

/** What the admission plugin ServiceAccount adds: token, CA and namespace, mounted everywhere. */
function withAccountToken(pod: KubeObject): JsonObject {
  const spec = asObject(pod.spec);
  if (spec.automountServiceAccountToken === false) return spec;
  const name = `${API_VOLUME}-${asString(pod.metadata.uid).slice(0, 5)}`;
  const mount = { name, readOnly: true, mountPath: API_MOUNT };
  let isUsed = false;
  const mounted = (container: JsonObject) => {
    const mounts = asObjects(container.volumeMounts);
    if (mounts.some(({ mountPath }) => mountPath === API_MOUNT)) return container;
    isUsed = true;
    return { ...container, volumeMounts: [...mounts, mount] };
  };
  const containers = asObjects(spec.containers).map(mounted);
  const result: JsonObject = { ...spec, containers };
  if (spec.initContainers !== undefined) {
    result.initContainers = asObjects(spec.initContainers).map(mounted);
  }
  if (!isUsed) return spec;
  const fieldRef = { apiVersion: 'v1', fieldPath: 'metadata.namespace' };
  const sources = [
    { serviceAccountToken: { expirationSeconds: API_TOKEN_SECONDS, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [{ path: 'namespace', fieldRef }] } },
  ];
  const volume = { name, projected: { defaultMode: 420, sources } };
  result.volumes = [...asObjects(spec.volumes), volume];
  return result;
}

function qosClass(spec: JsonObject): string {
  const resources = asObjects(spec.containers).map((item) => asObject(item.resources));
  if (resources.every((item) => !item.requests && !item.limits)) return 'BestEffort';
  const isGuaranteed = resources.every((item) => {
    const limits = asObject(item.limits);
    const requests = asObject(item.requests ?? item.limits);
    return limits.cpu !== undefined && limits.memory !== undefined && deepEqual(limits, requests);
  });
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}
