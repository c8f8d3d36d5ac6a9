/**
 * The `spec` of pods and of templates of pods, with what a client left out. pure
 *
 * After pkg/apis/core/v1/defaults.go of Kubernetes, as far as manifests of Isthmus and its users meet it.
 */
import { asObject, asObjects, asString, type JsonObject } from '../values/json.ts';

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
  const result: JsonObject = Object.keys(item).some((key) => key !== 'name')
    ? { ...item }
    : { ...item, emptyDir: {} };
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
