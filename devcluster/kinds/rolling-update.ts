/**
 * How a Deployment replaces its pods: what is refused. pure
 *
 * After ValidateDeploymentSpec and ValidateDeploymentStrategy in pkg/apis/apps/validation of Kubernetes.
 */
import { asNumber, asObject, type Json, type JsonObject } from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';

const NEGATIVE = 'must be greater than or equal to 0';

/** What is wrong with how a Deployment such as `spec` goes on. */
export function checkProgress(spec: JsonObject): Cause[] {
  const causes = checkStrategy(asObject(spec.strategy));
  const ready = asNumber(spec.minReadySeconds);
  if (ready < 0) causes.push(fieldError.invalid('spec.minReadySeconds', ready, NEGATIVE));
  const deadline = asNumber(spec.progressDeadlineSeconds);
  const field = 'spec.progressDeadlineSeconds';
  if (deadline < 0) causes.push(fieldError.invalid(field, deadline, NEGATIVE));
  if (deadline <= ready) {
    causes.push(fieldError.invalid(field, deadline, 'must be greater than minReadySeconds'));
  }
  return causes;
}

function checkStrategy(strategy: JsonObject): Cause[] {
  if (strategy.type === 'Recreate') {
    if (strategy.rollingUpdate === undefined) return [];
    const why = "may not be specified when strategy `type` is 'Recreate'";
    return [fieldError.forbidden('spec.strategy.rollingUpdate', why)];
  }
  if (strategy.type !== 'RollingUpdate') {
    return [fieldError.unsupported('spec.strategy', strategy, ['Recreate', 'RollingUpdate'])];
  }
  const { maxUnavailable, maxSurge } = asObject(strategy.rollingUpdate);
  const path = 'spec.strategy.rollingUpdate';
  const causes = [
    ...checkBound(maxUnavailable, `${path}.maxUnavailable`),
    ...checkBound(maxSurge, `${path}.maxSurge`),
  ];
  const field = `${path}.maxUnavailable`;
  if (isNone(maxUnavailable) && isNone(maxSurge)) {
    const why = 'may not be 0 when `maxSurge` is 0';
    causes.push(fieldError.invalid(field, maxUnavailable, why));
  }
  if (percentOf(maxUnavailable) > 100) {
    causes.push(fieldError.invalid(field, maxUnavailable, 'must not be greater than 100%'));
  }
  return causes;
}

function checkBound(value: Json | undefined, field: string): Cause[] {
  if (typeof value === 'string') {
    if (/^[0-9]+%$/.test(value)) return [];
    const why =
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
    return [fieldError.invalid(field, value, why)];
  }
  return asNumber(value) < 0 ? [fieldError.invalid(field, value, NEGATIVE)] : [];
}

function isNone(value: Json | undefined): boolean {
  return value === 0 || value === '0%';
}

function percentOf(value: Json | undefined): number {
  return typeof value === 'string' ? Number.parseInt(value, 10) : 0;
}
