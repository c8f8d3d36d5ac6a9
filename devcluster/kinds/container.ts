/**
 * Containers of a pod: what is refused of their ports, variables, resources and mounts. pure
 *
 * After validateContainerCommon in pkg/apis/core/validation of Kubernetes.
 */

import { isMore } from '../schema/quantity.ts';
import { asNumber, asObject, asObjects, asString, type JsonObject } from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import { portNameProblems } from './names.ts';
import { checkProbes } from './probes.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const PULLS = ['Always', 'IfNotPresent', 'Never'];
const NO_PORT = 'must be between 1 and 65535, inclusive';

/** What is wrong with the container at `path` of a pod that has `volumes`; its name is its pod's to judge. */
export function checkContainer(
  container: JsonObject,
  path: string,
  volumes: ReadonlySet<string>,
): Cause[] {
  const causes: Cause[] = [];
  if (asString(container.image) === '') causes.push(fieldError.required(`${path}.image`));
  const pull = asString(container.imagePullPolicy);
  if (!PULLS.includes(pull)) {
    causes.push(fieldError.unsupported(`${path}.imagePullPolicy`, pull, PULLS));
  }
  return [
    ...causes,
    ...checkPorts(container, path),
    ...checkVariables(container, path),
    ...checkMounts(container, path, volumes),
    ...checkProbes(container, path),
    ...checkResources(container, path),
  ];
}

function checkPorts(container: JsonObject, path: string): Cause[] {
  const causes: Cause[] = [];
  const names = new Set<string>();
  asObjects(container.ports).forEach((port, index) => {
    const place = `${path}.ports[${index}]`;
    const name = asString(port.name);
    if (name !== '') {
      const problems = portNameProblems(name);
      for (const why of problems) causes.push(fieldError.invalid(`${place}.name`, name, why));
      if (problems.length === 0 && names.has(name)) {
        causes.push(fieldError.duplicate(`${place}.name`, name));
      }
      names.add(name);
    }
    const number = asNumber(port.containerPort);
    if (number === 0) causes.push(fieldError.required(`${place}.containerPort`));
    else if (!isPort(number)) {
      causes.push(fieldError.invalid(`${place}.containerPort`, number, NO_PORT));
    }
    const outside = asNumber(port.hostPort);
    if (outside !== 0 && !isPort(outside)) {
      causes.push(fieldError.invalid(`${place}.hostPort`, outside, NO_PORT));
    }
    const protocol = asString(port.protocol);
    if (!PROTOCOLS.includes(protocol)) {
      causes.push(fieldError.unsupported(`${place}.protocol`, protocol, PROTOCOLS));
    }
  });
  return causes;
}

function checkVariables(container: JsonObject, path: string): Cause[] {
  return asObjects(container.env).flatMap((item, index) => {
    const place = `${path}.env[${index}]`;
    const name = asString(item.name);
    if (name === '') return [fieldError.required(`${place}.name`)];
    // Every printable sign of ASCII but the one that ends a name (KEP-4369).
    if (!/^[ -<>-~]+$/.test(name)) {
      const why =
        "a valid environment variable name must consist only of printable ASCII characters other than '='";
      return [fieldError.invalid(`${place}.name`, name, why)];
    }
    if (item.valueFrom === undefined || asString(item.value) === '') return [];
    const why = 'may not be specified when `value` is not empty';
    return [fieldError.invalid(`${place}.valueFrom`, '', why)];
  });
}

function checkMounts(container: JsonObject, path: string, volumes: ReadonlySet<string>): Cause[] {
  const paths = new Set<string>();
  return asObjects(container.volumeMounts).flatMap((mount, index) => {
    const causes: Cause[] = [];
    const place = `${path}.volumeMounts[${index}]`;
    const [name, mountPath] = [asString(mount.name), asString(mount.mountPath)];
    if (!volumes.has(name)) {
      const message = `Not found: ${JSON.stringify(name)}`;
      causes.push({ reason: 'FieldValueNotFound', field: `${place}.name`, message });
    }
    if (mountPath === '') causes.push(fieldError.required(`${place}.mountPath`));
    else if (paths.has(mountPath)) {
      causes.push(fieldError.invalid(`${place}.mountPath`, mountPath, 'must be unique'));
    }
    paths.add(mountPath);
    return causes;
  });
}

function checkResources(container: JsonObject, path: string): Cause[] {
  const { limits, requests } = asObject(container.resources);
  return Object.entries(asObject(requests)).flatMap(([name, value]) => {
    const limit = asObject(limits)[name];
    if (limit === undefined || !isMore(String(value), String(limit))) return [];
    const why = `must be less than or equal to ${name} limit of ${String(limit)}`;
    return [fieldError.invalid(`${path}.resources.requests`, value, why)];
  });
}

function isPort(number: number): boolean {
  return number >= 1 && number <= 65_535;
}
