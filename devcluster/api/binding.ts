/**
 * Bindings: what a scheduler says of a pod, as subresource of the pod or to the collection of bindings.
 *
 * After BindingREST in pkg/registry/core/pod/storage and ValidatePodBinding in pkg/apis/core/validation of Kubernetes.
 */

import {
  asObject,
  asObjects,
  asString,
  at,
  isDeleting,
  type KubeObject,
  withCondition,
} from '../values/json.ts';
import { ApiError, badRequest, conflict, fieldError, notFound } from '../values/status.ts';
import { readObject } from './body.ts';
import type { ApiContext, Call } from './context.ts';
import { decodeBody } from './decode-body.ts';
import { writeOptions } from './reply.ts';
import { send } from './respond.ts';
import { transient } from './transient.ts';

const PODS = 'pods';

/** Assigns a pod to a node, as the body says; `podName` is that of the path, where it has one. */
export async function bind(
  context: ApiContext,
  call: Call,
  namespace: string,
  podName?: string,
): Promise<void> {
  const { dryRun = false, fieldValidation = 'Warn' } = writeOptions(call);
  const body = await readObject(call.request);
  const kind = transient('', 'Binding');
  const binding = decodeBody(kind, namespace, body, fieldValidation, call.warnings);
  const { name = '' } = binding.metadata;
  if (podName !== undefined && podName !== name) {
    throw badRequest('name in URL does not match name in Binding object');
  }
  checkTarget(binding);
  const pod = context.store.get(PODS, namespace, name);
  const def = context.registry.find('', 'v1', PODS);
  if (!pod || !def) throw notFound('', PODS, name);
  checkPod(binding, pod);
  if (!dryRun) context.objects.commit(def, bound(pod, binding, context.objects.now()));
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  await send(call.response, 201, status, 'json', call.warnings);
}

/** The real server tells these as a failure of its own, which has no reason. */
function checkTarget(binding: KubeObject): void {
  const [kind, name] = ['kind', 'name'].map((key) => asString(at(binding, 'target', key)));
  const causes = [
    ...(kind === '' || kind === 'Node'
      ? []
      : [fieldError.unsupported('target.kind', kind, ['Node', '<empty>'])]),
    ...(name === '' ? [fieldError.required('target.name')] : []),
  ];
  if (causes.length === 0) return;
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  throw new ApiError(500, '', texts.length === 1 ? `${texts[0]}` : `[${texts.join(', ')}]`);
}

function checkPod(binding: KubeObject, pod: KubeObject): void {
  const { name } = pod.metadata;
  for (const [key, word] of [
    ['uid', 'UID'],
    ['resourceVersion', 'ResourceVersion'],
  ] as const) {
    const [asked, actual] = [asString(binding.metadata[key]), asString(pod.metadata[key])];
    if (asked === '' || asked === actual) continue;
    const why = `Precondition failed: ${word} in precondition: ${asked}, ${word} in object meta: ${actual}`;
    throw conflict('', PODS, name, why);
  }
  const why = closedBecause(pod);
  if (why !== undefined) throw conflict('', 'pods/binding', name, why);
}

function closedBecause(pod: KubeObject): string | undefined {
  const { name } = pod.metadata;
  if (isDeleting(pod)) return `pod ${name} is being deleted, cannot be assigned to a host`;
  const node = asString(at(pod, 'spec', 'nodeName'));
  if (node !== '') return `pod ${name} is already assigned to node ${JSON.stringify(node)}`;
  return asObjects(at(pod, 'spec', 'schedulingGates')).length > 0
    ? `pod ${name} has non-empty .spec.schedulingGates`
    : undefined;
}

/** `pod` on the node that `binding` names, with what that notes in annotations. */
function bound(pod: KubeObject, binding: KubeObject, now: string): KubeObject {
  const status = asObject(pod.status);
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null };
  const annotations = {
    ...asObject(pod.metadata.annotations),
    ...asObject(binding.metadata.annotations),
  };
  const hasNotes = Object.keys(annotations).length > 0;
  return {
    ...pod,
    metadata: { ...pod.metadata, ...(hasNotes ? { annotations } : {}) },
    spec: { ...asObject(pod.spec), nodeName: asString(at(binding, 'target', 'name')) },
    status: { ...status, conditions: withCondition(asObjects(status.conditions), scheduled, now) },
  } as KubeObject;
}
