/**
 * The condition of every TrafficPolicy: whether it is in force, and if not, why. pure
 *
 * Types and reasons are the Gateway API's (GEP-713, PolicyConditionType): `Accepted` with `Accepted`, `Invalid`,
 * `Conflicted` or `TargetNotFound`.
 */
import { isMirror } from '#kube/mirror.ts';
import { trafficPolicies } from '#kube/resources/builtin.ts';
import {
  policiesInForce,
  type TrafficPolicy,
  targetKey,
} from '#kube/resources/policy-attachment.ts';
import type { TargetKind } from '#kube/resources/traffic-policy.ts';
import { targetOf } from './assumed.ts';
import {
  conditionsOf,
  sameConditions,
  statusObject,
  transition,
  type Verdict,
} from './conditions.ts';
import type { Action, PlanInput } from './input.ts';

type Known = Pick<PlanInput, 'policies' | 'services' | 'exports' | 'now'>;

/** Conditions that are not what they have to be. */
export function policyStatusActions(input: Known): readonly Action[] {
  const actions: Action[] = [];
  const inForce = policiesInForce(input.policies.values());
  for (const [key, policy] of input.policies) {
    if (policy.metadata.deletionTimestamp !== undefined) continue;
    const wanted = conditionsOf(policy, { Accepted: verdictOn(policy, inForce, input) });
    const known = policy.status.conditions ?? [];
    if (sameConditions(known, wanted)) continue;
    const status = { conditions: transition(known, wanted, input.now) };
    const object = statusObject(trafficPolicies, policy, status);
    actions.push({ do: 'status', key: `TrafficPolicy ${key}`, kind: 'TrafficPolicy', object });
  }
  return actions;
}

function verdictOn(
  policy: TrafficPolicy,
  inForce: ReadonlyMap<string, TrafficPolicy>,
  input: Known,
): Verdict {
  const { spec, problems, metadata } = policy;
  if (spec === undefined) {
    const message = problems.map((each) => `${each.field}: ${each.message}`).join('; ');
    return { status: 'False', reason: 'Invalid', message: message.slice(0, 4_096) };
  }
  const namespace = metadata.namespace ?? '';
  const targets = spec.targetRefs.map(({ kind, name }, index) => ({
    field: `spec.targetRefs[${index}]`,
    what: `${kind} "${name}"`,
    found: exists(kind, namespace, name, input),
    rival: inForce.get(targetKey(kind, namespace, name)),
  }));
  const missing = targets.filter((each) => !each.found);
  const lost = targets.filter((each) => each.rival !== policy);
  const said = [
    ...missing.map((each) => `${each.field}: there is no ${each.what} in "${namespace}"`),
    ...lost.map(
      (each) =>
        `${each.field}: the older TrafficPolicy "${each.rival?.metadata.name}" holds for ${each.what}`,
    ),
  ].join('; ');
  const useful = targets.filter((each) => each.found && each.rival === policy);
  if (useful.length > 0) {
    const message = `in force for ${useful.map((each) => each.what).join(', ')}`;
    return { status: 'True', reason: 'Accepted', message: said ? `${message}; ${said}` : message };
  }
  const reason = lost.length > 0 ? 'Conflicted' : 'TargetNotFound';
  return { status: 'False', reason, message: said };
}

function exists(kind: TargetKind, namespace: string, name: string, input: Known): boolean {
  const key = `${namespace}/${name}`;
  if (kind === 'Service') return input.services.has(key);
  if (kind === 'ServiceExport') return input.exports.has(key);
  // An import is there as soon as a mirror of it is.
  for (const service of input.services.values())
    if (isMirror(service) && targetOf(service) === key) return true;
  return false;
}
