/**
 * PodDisruptionBudgets: how many pods may be evicted now.
 *
 * "Specifying a Disruption Budget for your Application" of the Kubernetes documentation. The count is taken from
 * the pods that exist, and from the replicas their controllers want.
 */

import { matchesSelector } from '../kinds/selectors.ts';
import type { Store } from '../storage/store.ts';
import {
  asNumber,
  asObject,
  asObjects,
  at,
  controllerOf,
  type JsonObject,
  type KubeObject,
  labelsOf,
  namespaceOf,
} from '../values/json.ts';
import { isReady, type Kit, type Running } from './kit.ts';
import { keyOf, splitKey } from './queue.ts';
import { isActive, PODS } from './replica-sets.ts';
import { resolveShare } from './rollout.ts';

/** Where budgets are kept. */
export const BUDGETS = 'poddisruptionbudgets.policy';

/** Starts the controller. */
export function runDisruptionBudgets(kit: Kit): Running {
  const queue = kit.queue('poddisruptionbudgets', (key) => {
    const [namespace, name] = splitKey(key);
    const budget = kit.store.get(BUDGETS, namespace, name);
    if (!budget) return;
    const status = budgetStatus(kit.store, budget);
    const conditions = allowedCondition(budget, status, kit.context.objects.now());
    kit.setStatus(BUDGETS, budget, { ...status, conditions });
  });
  const stops = [
    kit.store.listen(BUDGETS, ({ object }) => queue.add(keyOf(object))),
    kit.store.listen(PODS, ({ object }) => {
      for (const budget of kit.store.list(BUDGETS, namespaceOf(object))) {
        if (guards(budget, object)) queue.add(keyOf(budget));
      }
    }),
  ];
  return {
    close() {
      for (const stop of stops) stop();
      queue.close();
    },
  };
}

/** Whether `budget` selects `pod`. */
export function guards(budget: KubeObject, pod: KubeObject): boolean {
  return (
    namespaceOf(budget) === namespaceOf(pod) &&
    matchesSelector(asObject(at(budget, 'spec', 'selector')), labelsOf(pod))
  );
}

/** The status of `budget` at this moment. */
export function budgetStatus(store: Store, budget: KubeObject): JsonObject {
  const pods = store
    .list(PODS, namespaceOf(budget))
    .filter((pod) => guards(budget, pod) && isActive(pod));
  const healthy = pods.filter(isReady).length;
  const minimum = at(budget, 'spec', 'minAvailable');
  // A number of pods is meant of those there are, a share of those there should be.
  const expected = typeof minimum === 'number' ? pods.length : expectedPods(store, pods);
  const unavailable = at(budget, 'spec', 'maxUnavailable');
  const desired =
    unavailable === undefined
      ? resolveShare(minimum ?? 1, expected, Math.ceil)
      : Math.max(0, expected - resolveShare(unavailable, expected, Math.ceil));
  return {
    ...asObject(budget.status),
    observedGeneration: asNumber(budget.metadata.generation, 1),
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    disruptionsAllowed: expected === 0 ? 0 : Math.max(0, healthy - desired),
  };
}

/** Whether any pod may go, as a condition; its time is that of its last change. */
function allowedCondition(budget: KubeObject, status: JsonObject, now: string): JsonObject[] {
  const isAllowed = asNumber(status.disruptionsAllowed) > 0;
  const type = 'DisruptionAllowed';
  const is = isAllowed ? 'True' : 'False';
  const before = asObjects(at(budget, 'status', 'conditions'));
  const same = before.find((each) => each.type === type && each.status === is);
  return [
    ...before.filter((each) => each.type !== type),
    {
      type,
      status: is,
      reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration: status.observedGeneration ?? 1,
      lastTransitionTime: same?.lastTransitionTime ?? now,
    },
  ];
}

/** What the controllers of `pods` want together; a pod without one counts for itself. */
function expectedPods(store: Store, pods: readonly KubeObject[]): number {
  const controllers = new Map<string, number>();
  for (const pod of pods) {
    const owner = controllerOf(pod);
    const storage = owner?.kind === 'StatefulSet' ? 'statefulsets.apps' : 'replicasets.apps';
    const found = owner && store.get(storage, namespaceOf(pod), owner.name);
    controllers.set(
      found?.metadata.uid ?? pod.metadata.uid,
      found ? asNumber(at(found, 'spec', 'replicas')) : 1,
    );
  }
  return [...controllers.values()].reduce((sum, replicas) => sum + replicas, 0);
}
