/**
 * Conditions: written on transitions only, with the time of the transition. pure
 */
import type { Resource } from '#kube/client.ts';
import { apiVersionOf } from '#kube/resources/builtin.ts';
import type { Condition, KubeObject } from '#kube/types.ts';

/** A condition as it has to be; when that began to hold is found out. */
export type WantedCondition = Omit<Condition, 'lastTransitionTime'>;

/** What is to be said of one aspect of an object. */
export type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

/** Conditions of `object` as it is now, from verdicts by type of condition. */
export function conditionsOf(
  { metadata: { generation } }: Pick<KubeObject, 'metadata'>,
  verdicts: Readonly<Record<string, Verdict>>,
): readonly WantedCondition[] {
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  return Object.entries(verdicts).map(([type, verdict]) => ({ type, ...verdict, ...observed }));
}

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

/** The object whose application writes `status`, and nothing else, to `of`. */
export function statusObject<T extends KubeObject>(
  resource: Resource<T>,
  { metadata: { name, namespace = '' } }: Pick<T, 'metadata'>,
  status: object,
) {
  const { kind } = resource;
  return { apiVersion: apiVersionOf(resource), kind, metadata: { name, namespace }, status };
}
