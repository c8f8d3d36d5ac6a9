/**
 * Conditions: written on transitions only, with the time of the transition. pure
 */
import type { Condition } from '#kube/types.ts';

/** A condition as it has to be; when that began to hold is found out. */
export type WantedCondition = Omit<Condition, 'lastTransitionTime'>;

/** Whether `known` says everything that `wanted` says. Conditions of others are not looked at. */
export function sameConditions(
  known: readonly Condition[],
  wanted: readonly WantedCondition[],
): boolean {
  return wanted.every((want) => {
    const have = known.find((each) => each.type === want.type);
    return (
      have !== undefined &&
      have.status === want.status &&
      have.reason === want.reason &&
      have.message === want.message &&
      have.observedGeneration === want.observedGeneration
    );
  });
}

/** `wanted` with the times: that of `known` where the status did not change (metav1.Condition). */
export function transition(
  known: readonly Condition[],
  wanted: readonly WantedCondition[],
  now: string,
): readonly Condition[] {
  return wanted.map((want) => {
    const have = known.find((each) => each.type === want.type);
    const since = have?.status === want.status ? have.lastTransitionTime : '';
    return { ...want, lastTransitionTime: since || now };
  });
}
