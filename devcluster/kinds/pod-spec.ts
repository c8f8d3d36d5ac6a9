/**
 * The `spec` of pods and of templates of pods: defaults and validation. pure
 *
 * The subset of k8s.io/kubernetes/pkg/apis/core that manifests of Isthmus and its users meet.
 */
import { asNumber, asObject, asObjects, asString, type JsonObject } from '../api/json.ts';
import { type Cause, fieldError } from '../api/status.ts';
import { nameProblem } from './names.ts';

/** `spec` of a pod with the defaults of the real server. */
export function podSpecDefaults(spec: JsonObject): JsonObject {
  const result: JsonObject = {
    ...spec,
    restartPolicy: spec.restartPolicy ?? 'Always',
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    dnsPolicy: spec.dnsPolicy ?? 'ClusterFirst',
    securityContext: spec.securityContext ?? {},
    schedulerName: spec.schedulerName ?? 'default-scheduler',
  };
  if (spec.serviceAccountName !== undefined) result.serviceAccount = spec.serviceAccountName;
  else if (spec.serviceAccount !== undefined) {
    result.serviceAccountName = spec.serviceAccount;
  }
  for (const key of ['containers', 'initContainers']) {
    if (Array.isArray(spec[key])) result[key] = asObjects(spec[key]).map(containerDefaults);
  }
  if (Array.isArray(spec.volumes)) result.volumes = asObjects(spec.volumes).map(volume);
  return result;
}

function containerDefaults(container: JsonObject): JsonObject {
  const image = asString(container.image);
  const result: JsonObject = {
    ...container,
    resources: container.resources ?? {},
    terminationMessagePath: container.terminationMessagePath ?? '/dev/termination-log',
    terminationMessagePolicy: container.terminationMessagePolicy ?? 'File',
    imagePullPolicy:
      container.imagePullPolicy ??
      (/:[^/]+$/.test(image) && !image.endsWith(':latest') ? 'IfNotPresent' : 'Always'),
  };
  if (Array.isArray(container.ports)) {
    result.ports = asObjects(container.ports).map((port) => ({
      ...port,
      protocol: port.protocol ?? 'TCP',
    }));
  }
  for (const key of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container[key];
    if (probe !== undefined) result[key] = probeDefaults(asObject(probe));
  }
  if (Array.isArray(container.env)) {
    result.env = asObjects(container.env).map((item) => {
      const from = asObject(item.valueFrom);
      if (from.fieldRef === undefined) return item;
      const fieldRef = { apiVersion: 'v1', ...asObject(from.fieldRef) };
      return { ...item, valueFrom: { ...from, fieldRef } };
    });
  }
  return result;
}

function probeDefaults(probe: JsonObject): JsonObject {
  const result: JsonObject = {
    ...probe,
    timeoutSeconds: probe.timeoutSeconds ?? 1,
    periodSeconds: probe.periodSeconds ?? 10,
    successThreshold: probe.successThreshold ?? 1,
    failureThreshold: probe.failureThreshold ?? 3,
  };
  if (probe.httpGet !== undefined) {
    result.httpGet = { path: '/', scheme: 'HTTP', ...asObject(probe.httpGet) };
  }
  return result;
}

function volume(item: JsonObject): JsonObject {
  const result = { ...item };
  for (const key of ['configMap', 'secret', 'projected']) {
    if (item[key] !== undefined) result[key] = { defaultMode: 420, ...asObject(item[key]) };
  }
  const projected = asObject(result.projected);
  if (result.projected !== undefined) {
    result.projected = {
      ...projected,
      sources: asObjects(projected.sources).map((source) =>
        source.serviceAccountToken === undefined
          ? source
          : {
              ...source,
              serviceAccountToken: {
                expirationSeconds: 3600,
                ...asObject(source.serviceAccountToken),
              },
            },
      ),
    };
  }
  return result;
}

/** Problems of a pod's `spec` at `path`. */
export function checkPodSpec(spec: JsonObject, path: string): Cause[] {
  const causes: Cause[] = [];
  const containers = asObjects(spec.containers);
  if (containers.length === 0) causes.push(fieldError.required(`${path}.containers`));
  const volumes = new Set(asObjects(spec.volumes).map((item) => asString(item.name)));
  const names = new Set<string>();
  containers.forEach((container, index) => {
    const at = `${path}.containers[${index}]`;
    causes.push(...checkContainer(container, at, volumes));
    const name = asString(container.name);
    if (names.has(name)) causes.push(fieldError.duplicate(`${at}.name`, name));
    names.add(name);
  });
  const policy = asString(spec.restartPolicy);
  if (!['Always', 'OnFailure', 'Never'].includes(policy)) {
    const all = ['Always', 'OnFailure', 'Never'];
    causes.push(fieldError.unsupported(`${path}.restartPolicy`, policy, all));
  }
  const grace = asNumber(spec.terminationGracePeriodSeconds);
  if (grace < 0) {
    const field = `${path}.terminationGracePeriodSeconds`;
    causes.push(fieldError.invalid(field, grace, 'must be greater than or equal to 0'));
  }
  return causes;
}

function checkContainer(
  container: JsonObject,
  path: string,
  volumes: ReadonlySet<string>,
): Cause[] {
  const causes: Cause[] = [];
  const name = asString(container.name);
  const problem = name === '' ? undefined : nameProblem(name, 'label');
  if (name === '') causes.push(fieldError.required(`${path}.name`));
  else if (problem) causes.push(fieldError.invalid(`${path}.name`, name, problem));
  if (asString(container.image) === '') causes.push(fieldError.required(`${path}.image`));
  const portNames = new Set<string>();
  asObjects(container.ports).forEach((port, index) => {
    const at = `${path}.ports[${index}]`;
    const number = asNumber(port.containerPort);
    if (number === 0) causes.push(fieldError.required(`${at}.containerPort`));
    else if (number < 1 || number > 65_535) {
      causes.push(
        fieldError.invalid(`${at}.containerPort`, number, 'must be between 1 and 65535, inclusive'),
      );
    }
    const protocol = asString(port.protocol);
    if (!['TCP', 'UDP', 'SCTP'].includes(protocol)) {
      causes.push(fieldError.unsupported(`${at}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']));
    }
    const portName = asString(port.name);
    if (portName !== '' && portNames.has(portName)) {
      causes.push(fieldError.duplicate(`${at}.name`, portName));
    }
    portNames.add(portName);
  });
  asObjects(container.env).forEach((item, index) => {
    if (asString(item.name) === '') {
      causes.push(fieldError.required(`${path}.env[${index}].name`));
    }
    if (item.valueFrom !== undefined && asString(item.value) !== '') {
      const why = 'may not be specified when `value` is not empty';
      causes.push(fieldError.invalid(`${path}.env[${index}].valueFrom`, '', why));
    }
  });
  asObjects(container.volumeMounts).forEach((mount, index) => {
    const name = asString(mount.name);
    if (!volumes.has(name)) {
      causes.push({
        reason: 'FieldValueNotFound',
        field: `${path}.volumeMounts[${index}].name`,
        message: `Not found: ${JSON.stringify(name)}`,
      });
    }
  });
  return causes;
}
