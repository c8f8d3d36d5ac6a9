/**
 * Which TrafficPolicy is in force for which object. pure
 *
 * The gateway configures itself by this and the mirror controller writes conditions by it, so that the two
 * cannot disagree: of two valid policies for one target the older counts, then the first by name (GEP-713,
 * "conflict resolution").
 */
import { API_GROUP, API_VERSION } from '#core/names.ts';
import { header, raw } from '../parse.ts';
import type { Condition, KubeObject } from '../types.ts';
import { type Problem, problemOf } from './problem.ts';
import {
  type TargetKind,
  type TrafficPolicySpec,
  trafficPolicySpec,
  trafficPolicyStatus,
} from './traffic-policy.ts';

/** A TrafficPolicy as it was read: an invalid one is handed out too, so that its status can say why. */
export interface TrafficPolicy extends KubeObject {
  readonly kind: 'TrafficPolicy';
  /** Present exactly when there are no problems. */
  readonly spec: TrafficPolicySpec | undefined;
  readonly problems: readonly Problem[];
  readonly status: { readonly conditions?: readonly Condition[] | undefined };
}

/** Reads a TrafficPolicy; never fails because of its `spec`, which the problems then describe. */
export function parseTrafficPolicy(value: unknown): TrafficPolicy {
  const object = raw(value);
  const read = trafficPolicySpec.safeParse(object.spec ?? {});
  const status = trafficPolicyStatus.safeParse(object.status ?? {});
  return {
    ...header(object, `${API_GROUP}/${API_VERSION}`, 'TrafficPolicy'),
    spec: read.success ? read.data : undefined,
    problems: read.success ? [] : read.error.issues.map(problemOf),
    // A status somebody else broke is no reason to stop: it is written again.
    status: status.success ? (status.data as TrafficPolicy['status']) : {},
  };
}

/** `Service shop/backend`: a target in the words of {@link policiesInForce}. */
export function targetKey(kind: TargetKind, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

/** The policy in force for each target, by {@link targetKey}; those that are invalid or going are in force for none. */
export function policiesInForce(
  policies: Iterable<TrafficPolicy>,
): ReadonlyMap<string, TrafficPolicy> {
  const inForce = new Map<string, TrafficPolicy>();
  for (const policy of [...policies].sort(byAge)) {
    const { metadata, spec } = policy;
    if (spec === undefined || metadata.deletionTimestamp !== undefined) continue;
    for (const { kind, name } of spec.targetRefs) {
      const key = targetKey(kind, metadata.namespace ?? '', name);
      if (!inForce.has(key)) inForce.set(key, policy);
    }
  }
  return inForce;
}

function byAge(a: TrafficPolicy, b: TrafficPolicy): number {
  return ageOf(a) < ageOf(b) ? -1 : 1;
}

function ageOf({ metadata }: TrafficPolicy): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.namespace}/${metadata.name}`;
}
