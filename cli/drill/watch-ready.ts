/**
 * When the pods that a fault took are back, as the cluster itself says it.
 */
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient } from '#kube/client.ts';
import { isMirrorSlice } from '#kube/mirror.ts';
import { Reflector } from '#kube/reflector.ts';
import { endpointSlices, pods } from '#kube/resources/builtin.ts';
import type { DestroyPods } from '#kube/resources/failover-drill.ts';

/** How long reading the pods that a fault selects may take. */
const SYNC_MS = 10_000;

/** What the watching is done with. */
export interface WatchContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Calls `onReady` whenever an endpoint of a pod that `fault` selects is ready. */
export async function watchReady(
  fault: DestroyPods,
  client: KubeClient,
  context: WatchContext,
  signal: AbortSignal,
  onReady: () => void,
): Promise<void> {
  const { clock, random } = context;
  const { namespace, selector } = fault;
  const shared = { client, clock, random, log: silentLogger };
  const selected = new Reflector({
    ...shared,
    resource: pods,
    selection: { namespace, labelSelector: selector },
  });
  const slices = new Reflector({ ...shared, resource: endpointSlices, selection: { namespace } });
  const check = () => {
    for (const slice of slices.cache.values()) {
      if (isMirrorSlice(slice)) continue;
      for (const { conditions, targetRef } of slice.endpoints) {
        const isSelected = selected.cache.has(`${namespace}/${targetRef?.name}`);
        if (isSelected && conditions?.ready !== false) onReady();
      }
    }
  };
  selected.onChange(check);
  slices.onChange(check);
  const ending = AbortSignal.any([signal, context.signal]);
  selected.start(ending);
  slices.start(ending);
  const late = new IsthmusError(
    'TIMED_OUT',
    `the pods and EndpointSlices of ${namespace} in ${fault.cluster} could not be read within ${SYNC_MS / 1_000} s`,
    {
      next: `Check that the API server of ${fault.cluster} answers: kubectl get pods -n ${namespace}.`,
    },
  );
  const deadline = new AbortController();
  const timer = clock.after(SYNC_MS, () => deadline.abort(late));
  try {
    const bounded = AbortSignal.any([ending, deadline.signal]);
    await Promise.all([selected.synced(bounded), slices.synced(bounded)]);
  } finally {
    timer.cancel();
  }
}
