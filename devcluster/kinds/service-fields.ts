/**
 * Fields of a Service that say how its traffic goes. pure
 *
 * After ValidateService in pkg/apis/core/validation of Kubernetes.
 */
import { asNumber, asString, at, type JsonObject } from '../api/json.ts';
import { type Cause, fieldError } from '../api/status.ts';

const DISTRIBUTIONS = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
/** A day. */
const AFFINITY_SECONDS_MAX = 86_400;

/** What is wrong with those fields of `spec`. */
export function checkFields(spec: JsonObject): Cause[] {
  return [...checkAffinity(spec), ...checkDistribution(spec), ...checkHealthPort(spec)];
}

function checkAffinity(spec: JsonObject): Cause[] {
  if (spec.sessionAffinity !== 'ClientIP') return [];
  const field = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';
  const seconds = asNumber(at(spec.sessionAffinityConfig, 'clientIP', 'timeoutSeconds'));
  if (seconds > 0 && seconds <= AFFINITY_SECONDS_MAX) return [];
  const why = `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`;
  return [fieldError.invalid(field, seconds, why)];
}

function checkDistribution(spec: JsonObject): Cause[] {
  const asked = spec.trafficDistribution;
  if (asked === undefined || DISTRIBUTIONS.includes(asString(asked))) return [];
  return [fieldError.unsupported('spec.trafficDistribution', asked, DISTRIBUTIONS)];
}

function checkHealthPort(spec: JsonObject): Cause[] {
  const port = asNumber(spec.healthCheckNodePort);
  if (port === 0 || needsHealthPort(spec)) return [];
  const why =
    "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
  return [fieldError.invalid('spec.healthCheckNodePort', port, why)];
}

/** Whether balancers outside ask each node for its own endpoints. */
export function needsHealthPort(spec: JsonObject): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}
