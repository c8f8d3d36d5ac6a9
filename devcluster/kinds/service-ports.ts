/**
 * Ports of a Service: numbers, names, protocols and targets. pure
 *
 * After validateServicePort in pkg/apis/core/validation and IsValidPortName in k8s.io/apimachinery.
 */
import { asNumber, asObjects, asString, type JsonObject } from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import { labelKeyProblem, nameProblem, portNameProblems } from './names.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const NO_NUMBER = 'must be between 1 and 65535, inclusive';

/** What is wrong with the ports of `spec`. */
export function checkPorts(spec: JsonObject): Cause[] {
  const ports = asObjects(spec.ports);
  const names = new Set<string>();
  const causes = ports.flatMap((port, index) =>
    checkPort(port, `spec.ports[${index}]`, ports.length > 1, names),
  );
  return [...causes, ...checkNodePorts(spec, ports), ...checkNumbers(ports)];
}

function checkPort(
  port: JsonObject,
  path: string,
  needsName: boolean,
  names: Set<string>,
): Cause[] {
  const causes: Cause[] = [];
  const name = asString(port.name);
  if (name === '' && needsName) causes.push(fieldError.required(`${path}.name`));
  else if (name !== '') {
    const problem = nameProblem(name, 'label');
    if (problem) causes.push(fieldError.invalid(`${path}.name`, name, problem));
    if (names.has(name)) causes.push(fieldError.duplicate(`${path}.name`, name));
    names.add(name);
  }
  const number = asNumber(port.port);
  if (!isPort(number)) causes.push(fieldError.invalid(`${path}.port`, number, NO_NUMBER));
  const protocol = asString(port.protocol);
  if (protocol === '') causes.push(fieldError.required(`${path}.protocol`));
  else if (!PROTOCOLS.includes(protocol)) {
    causes.push(fieldError.unsupported(`${path}.protocol`, protocol, PROTOCOLS));
  }
  const target = port.targetPort;
  if (typeof target === 'number' && !isPort(target)) {
    causes.push(fieldError.invalid(`${path}.targetPort`, target, NO_NUMBER));
  }
  if (typeof target === 'string') {
    for (const why of portNameProblems(target)) {
      causes.push(fieldError.invalid(`${path}.targetPort`, target, why));
    }
  }
  const application = asString(port.appProtocol);
  const wrong = application === '' ? undefined : labelKeyProblem(application);
  if (wrong) causes.push(fieldError.invalid(`${path}.appProtocol`, application, wrong));
  return causes;
}

function checkNodePorts(spec: JsonObject, ports: readonly JsonObject[]): Cause[] {
  const seen = new Set<string>();
  return ports.flatMap((port, index) => {
    const number = asNumber(port.nodePort);
    if (number === 0) return [];
    const path = `spec.ports[${index}].nodePort`;
    if (spec.type === 'ClusterIP') {
      return [fieldError.forbidden(path, "may not be used when `type` is 'ClusterIP'")];
    }
    const key = `${number}/${asString(port.protocol)}`;
    if (seen.has(key)) return [fieldError.duplicate(path, number)];
    seen.add(key);
    return [];
  });
}

function checkNumbers(ports: readonly JsonObject[]): Cause[] {
  const seen = new Set<string>();
  return ports.flatMap((port, index) => {
    const [number, protocol] = [asNumber(port.port), asString(port.protocol)];
    const key = `${number}/${protocol}`;
    if (seen.has(key)) {
      return [fieldError.duplicate(`spec.ports[${index}]`, { port: number, protocol })];
    }
    seen.add(key);
    return [];
  });
}

function isPort(number: number): boolean {
  return number >= 1 && number <= 65_535;
}
