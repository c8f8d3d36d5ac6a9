/**
 * Disruption budgets, network policies and priority classes: defaults and validation. pure
 *
 * After pkg/apis/{policy,networking,scheduling} of Kubernetes: defaults.go in v1, validation/validation.go.
 */
import {
  asList,
  asNumber,
  asObject,
  asObjects,
  type Json,
  type KubeObject,
} from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import type { Rules } from './resources.ts';

/** Rules of PodDisruptionBudgets. */
export const budgetRules: Rules = {
  hasStatus: true,
  hasGeneration: true,
  validate: (budget) => {
    const spec = asObject(budget.spec);
    const causes: Cause[] = [];
    if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
      const why = 'minAvailable and maxUnavailable cannot be both set';
      causes.push(fieldError.invalid('spec', spec, why));
    }
    for (const key of ['minAvailable', 'maxUnavailable']) {
      causes.push(...checkShare(spec[key], `spec.${key}`));
    }
    return causes;
  },
};

/** A count, or a percentage up to 100. */
function checkShare(value: Json | undefined, path: string): Cause[] {
  if (value === undefined) return [];
  if (typeof value === 'number') {
    const why = 'must be greater than or equal to 0';
    return value < 0 ? [fieldError.invalid(path, value, why)] : [];
  }
  const percent = /^(\d+)%$/.exec(String(value));
  if (!percent) {
    const why = "a valid percent string must be a numeric string followed by an ending '%'";
    return [fieldError.invalid(path, value, why)];
  }
  return Number(percent[1]) > 100
    ? [fieldError.invalid(path, value, 'must not be greater than 100%')]
    : [];
}

/** Rules of NetworkPolicies. */
export const networkPolicyRules: Rules = {
  hasGeneration: true,
  defaults: (policy) => {
    const spec = { ...asObject(policy.spec) };
    for (const direction of ['ingress', 'egress']) {
      if (!Array.isArray(spec[direction])) continue;
      spec[direction] = asObjects(spec[direction]).map((rule) =>
        Array.isArray(rule.ports)
          ? {
              ...rule,
              ports: asObjects(rule.ports).map((port) => ({
                ...port,
                protocol: port.protocol ?? 'TCP',
              })),
            }
          : rule,
      );
    }
    if (asList(spec.policyTypes).length === 0) {
      spec.policyTypes = asList(spec.egress).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
    }
    return { ...policy, spec };
  },
  validate: (policy) => {
    const spec = asObject(policy.spec);
    const causes: Cause[] = [];
    for (const [direction, peers] of [
      ['ingress', 'from'],
      ['egress', 'to'],
    ] as const) {
      asObjects(spec[direction]).forEach((rule, index) => {
        const path = `spec.${direction}[${index}]`;
        asObjects(rule.ports).forEach((port, at) => {
          causes.push(...checkPort(port.port, `${path}.ports[${at}].port`));
        });
        asObjects(rule[peers]).forEach((peer, at) => {
          const field = `${path}.${peers}[${at}]`;
          const named = ['podSelector', 'namespaceSelector'].some((key) => peer[key] !== undefined);
          if (peer.ipBlock === undefined && !named) {
            causes.push(fieldError.required(field, 'must specify a peer'));
          } else if (peer.ipBlock !== undefined && named) {
            const why = 'may not specify both ipBlock and another peer';
            causes.push(fieldError.forbidden(field, why));
          }
        });
      });
    }
    asList(spec.policyTypes).forEach((type, index) => {
      if (type === 'Ingress' || type === 'Egress') return;
      const all = ['Ingress', 'Egress'];
      causes.push(fieldError.unsupported(`spec.policyTypes[${index}]`, type, all));
    });
    return causes;
  },
};

function checkPort(port: Json | undefined, path: string): Cause[] {
  if (typeof port !== 'number' || (port >= 1 && port <= 65_535)) return [];
  return [fieldError.invalid(path, port, 'must be between 1 and 65535, inclusive')];
}

/** Rules of PriorityClasses. */
export const priorityClassRules: Rules = {
  hasGeneration: true,
  defaults: (object) => ({
    ...object,
    preemptionPolicy: object.preemptionPolicy ?? 'PreemptLowerPriority',
  }),
  validate: (object, previous) => {
    const changed = (key: string) => previous !== undefined && previous[key] !== object[key];
    const causes = ['value', 'preemptionPolicy']
      .filter(changed)
      .map((key) => fieldError.invalid(key, object[key], 'field is immutable'));
    return [...causes, ...checkValue(object)];
  },
};

/** Values above are the system's own. */
const PRIORITY_MAX = 1_000_000_000;

function checkValue(object: KubeObject): Cause[] {
  const value = asNumber(object.value);
  if (value <= PRIORITY_MAX || object.metadata.name.startsWith('system-')) return [];
  const why = `maximum allowed value of a user defined priority is ${PRIORITY_MAX}`;
  return [fieldError.forbidden('value', why)];
}
