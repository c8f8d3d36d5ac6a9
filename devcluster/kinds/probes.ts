/**
 * Probes of a container: how they ask, and how often. pure
 *
 * After validateProbe and validateHandler in pkg/apis/core/validation of Kubernetes.
 */
import { asNumber, asObject, asString, type JsonObject } from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import { portNameProblems } from './names.ts';

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'];
const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc'];
const TIMES = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
];
const SCHEMES = ['HTTP', 'HTTPS'];

/** What is wrong with the probes of the container at `path`. */
export function checkProbes(container: JsonObject, path: string): Cause[] {
  return PROBES.flatMap((key) => {
    if (container[key] === undefined) return [];
    const probe = asObject(container[key]);
    const place = `${path}.${key}`;
    const causes = [...checkHandlers(probe, place), ...checkTimes(probe, place)];
    const successes = asNumber(probe.successThreshold, 1);
    if (key !== 'readinessProbe' && successes > 1) {
      causes.push(fieldError.invalid(`${place}.successThreshold`, successes, 'must be 1'));
    }
    return causes;
  });
}

function checkHandlers(probe: JsonObject, path: string): Cause[] {
  const [first, ...more] = HANDLERS.filter((key) => probe[key] !== undefined);
  if (first === undefined) return [fieldError.required(path, 'must specify a handler type')];
  const causes = more.map((key) =>
    fieldError.forbidden(`${path}.${key}`, 'may not specify more than 1 handler type'),
  );
  if (first !== 'httpGet' && first !== 'tcpSocket') return causes;
  const handler = asObject(probe[first]);
  causes.push(...checkPort(handler.port, `${path}.${first}.port`));
  const scheme = asString(handler.scheme);
  if (first === 'httpGet' && !SCHEMES.includes(scheme)) {
    causes.push(fieldError.unsupported(`${path}.httpGet.scheme`, scheme, SCHEMES));
  }
  return causes;
}

function checkPort(port: JsonObject[string], field: string): Cause[] {
  if (typeof port === 'string') {
    return portNameProblems(port).map((why) => fieldError.invalid(field, port, why));
  }
  const number = asNumber(port);
  if (number >= 1 && number <= 65_535) return [];
  return [fieldError.invalid(field, number, 'must be between 1 and 65535, inclusive')];
}

function checkTimes(probe: JsonObject, path: string): Cause[] {
  return TIMES.flatMap((key) => {
    const value = asNumber(probe[key]);
    if (value >= 0) return [];
    return [fieldError.invalid(`${path}.${key}`, value, 'must be greater than or equal to 0')];
  });
}
