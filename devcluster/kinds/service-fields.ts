/**
 * Fields of a Service that say how its traffic goes and where it comes from. pure
 *
 * After validateService in pkg/apis/core/validation of Kubernetes.
 */
import { asList, asNumber, asString, asStrings, at, type JsonObject } from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import { isAddress, isRange, specialProblem } from './addresses.ts';
import { labelKeyProblem } from './names.ts';

const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
const POLICIES = ['Cluster', 'Local'];
const AFFINITIES = ['ClientIP', 'None'];
/** A day. */
const AFFINITY_SECONDS_MAX = 86_400;
const BALANCERS_ONLY = "may only be used when `type` is 'LoadBalancer'";
const FIXED = 'may not change once set';

/** What is wrong with those fields of `spec`, which was `before`. */
export function checkFields(spec: JsonObject, before: JsonObject | undefined): Cause[] {
  return [
    ...checkAffinity(spec),
    ...checkExternalAddresses(spec),
    ...checkBalancers(spec, before),
    ...checkPolicies(spec),
    ...checkHealthPort(spec, before),
  ];
}

function checkAffinity(spec: JsonObject): Cause[] {
  const affinity = asString(spec.sessionAffinity);
  if (!AFFINITIES.includes(affinity)) {
    return [fieldError.unsupported('spec.sessionAffinity', affinity, AFFINITIES)];
  }
  if (affinity !== 'ClientIP') return [];
  const field = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';
  const seconds = asNumber(at(spec.sessionAffinityConfig, 'clientIP', 'timeoutSeconds'));
  if (seconds > 0 && seconds <= AFFINITY_SECONDS_MAX) return [];
  const why = `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`;
  return [fieldError.invalid(field, seconds, why)];
}

function checkExternalAddresses(spec: JsonObject): Cause[] {
  return asStrings(spec.externalIPs).flatMap((address, index) => {
    const problem = isAddress(address)
      ? specialProblem(address)
      : 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
    return problem ? [fieldError.invalid(`spec.externalIPs[${index}]`, address, problem)] : [];
  });
}

function checkBalancers(spec: JsonObject, before: JsonObject | undefined): Cause[] {
  const causes: Cause[] = [];
  const isBalancer = spec.type === 'LoadBalancer';
  // The real server writes this field with a capital.
  const ranges = asStrings(spec.loadBalancerSourceRanges);
  if (ranges.length > 0 && !isBalancer) {
    causes.push(fieldError.forbidden('spec.LoadBalancerSourceRanges', BALANCERS_ONLY));
  }
  ranges.forEach((range, index) => {
    if (isRange(range.trim())) return;
    const why = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
    causes.push(fieldError.invalid(`spec.LoadBalancerSourceRanges[${index}]`, range, why));
  });
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isBalancer) {
    causes.push(fieldError.forbidden('spec.allocateLoadBalancerNodePorts', BALANCERS_ONLY));
  }
  const field = 'spec.loadBalancerClass';
  const given = spec.loadBalancerClass;
  if (isBalancer && before?.type === 'LoadBalancer' && before.loadBalancerClass !== given) {
    causes.push(fieldError.invalid(field, given ?? null, FIXED));
  }
  if (given === undefined) return causes;
  const problem = labelKeyProblem(asString(given));
  if (!isBalancer) causes.push(fieldError.forbidden(field, BALANCERS_ONLY));
  else if (problem) causes.push(fieldError.invalid(field, given, problem));
  return causes;
}

function checkPolicies(spec: JsonObject): Cause[] {
  const causes: Cause[] = [];
  for (const [key, known] of [
    ['internalTrafficPolicy', POLICIES],
    ['externalTrafficPolicy', POLICIES],
    ['trafficDistribution', DISTRIBUTIONS],
  ] as const) {
    const asked = spec[key];
    if (asked !== undefined && !known.includes(asString(asked))) {
      causes.push(fieldError.unsupported(`spec.${key}`, asked, known));
    }
  }
  if (!isReachable(spec) && asString(spec.externalTrafficPolicy) !== '') {
    const why = 'may only be set for externally-accessible services';
    const policy = spec.externalTrafficPolicy;
    causes.push(fieldError.invalid('spec.externalTrafficPolicy', policy, why));
  }
  return causes;
}

function checkHealthPort(spec: JsonObject, before: JsonObject | undefined): Cause[] {
  const port = asNumber(spec.healthCheckNodePort);
  const field = 'spec.healthCheckNodePort';
  if (needsHealthPort(spec)) {
    const had = before && needsHealthPort(before) ? asNumber(before.healthCheckNodePort) : port;
    return had === port ? [] : [fieldError.forbidden(field, 'field is immutable')];
  }
  if (port === 0) return [];
  const why =
    "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
  return [fieldError.invalid(field, port, why)];
}

/** Whether balancers outside ask each node for its own endpoints. */
export function needsHealthPort(spec: JsonObject): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

/** Whether Services of the type of `spec` have node ports. */
export function hasNodePorts(spec: JsonObject): boolean {
  return spec.type === 'NodePort' || spec.type === 'LoadBalancer';
}

/** Whether clients outside of the cluster can reach a Service such as `spec`. */
export function isReachable(spec: JsonObject): boolean {
  return hasNodePorts(spec) || (spec.type === 'ClusterIP' && asList(spec.externalIPs).length > 0);
}
