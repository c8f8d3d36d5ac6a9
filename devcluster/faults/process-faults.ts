/**
 * Components that are killed, or frozen: partitioned from everybody at once, as a machine that hangs.
 *
 * The API server cannot reach processes, their kubelet can: what is wanted stands in an annotation of the Pod, which the
 * kubelet obeys. A killed component stays dead until it is restored, by deleting its Pod (decision 5).
 */
import { z } from 'zod';
import type { Kit } from '../controllers/kit.ts';
import { PODS } from '../controllers/replica-sets.ts';
import { labelPredicate } from '../kinds/selectors.ts';
import {
  annotationsOf,
  asString,
  at,
  type JsonObject,
  type KubeObject,
  namespaceOf,
  without,
} from '../values/json.ts';

/** What the kubelet is to do to the process of a Pod: `kill` or `freeze`. */
export const PROCESS_FAULT = 'devcluster.isthmus.dev/fault';

const target = z.strictObject({
  namespace: z.string().min(1).max(63),
  selector: z.string().max(1_024).default(''),
});
/** Body of `POST /faults/processes/restore`. */
export const restoreProcessesRequest = target;
/** Body of `POST /faults/processes/break`. */
export const breakProcessesRequest = target.extend({ how: z.enum(['kill', 'freeze']) });

type Target = z.infer<typeof target>;

/** Marks the matching Pods whose processes a kubelet runs; their names. */
export function breakProcesses(
  kit: Kit,
  asked: z.infer<typeof breakProcessesRequest>,
): { broken: string[]; atMs: number } {
  const pods = matching(kit, asked);
  for (const pod of pods) annotate(kit, pod, asked.how);
  return { broken: pods.map((pod) => pod.metadata.name), atMs: kit.clock.wallMs() };
}

/** Thaws what is frozen, and deletes the Pods of what was killed, so that new ones come. */
export function restoreProcesses(kit: Kit, asked: Target): { restored: string[]; atMs: number } {
  const broken = matching(kit, asked).filter((pod) => annotationsOf(pod)[PROCESS_FAULT]);
  for (const pod of broken) {
    if (annotationsOf(pod)[PROCESS_FAULT] === 'kill') {
      kit.delete(PODS, pod, { gracePeriodSeconds: 0 });
    } else annotate(kit, pod, undefined);
  }
  return { restored: broken.map((pod) => pod.metadata.name), atMs: kit.clock.wallMs() };
}

function matching(kit: Kit, asked: Target): KubeObject[] {
  const selected = labelPredicate(asked.selector);
  return kit.store
    .list(PODS, asked.namespace)
    .filter((pod) => namespaceOf(pod) === asked.namespace && (selected?.(pod) ?? true))
    .filter((pod) => asString(at(pod, 'spec', 'nodeName')).endsWith('-processes'));
}

function annotate(kit: Kit, pod: KubeObject, fault: string | undefined): void {
  kit.modify(PODS, pod, (live) => {
    const others: JsonObject = without(annotationsOf(live), PROCESS_FAULT);
    const annotations = fault === undefined ? others : { ...others, [PROCESS_FAULT]: fault };
    return { ...live, metadata: { ...live.metadata, annotations } };
  });
}
