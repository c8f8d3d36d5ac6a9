/**
 * One reader per kind: unknown JSON to the trimmed types of `kube/types.ts`. pure
 *
 * Promises that nothing but the fields of those types is kept, so that a cache of 10,000 Services stays
 * small, and that an error names the path of the field.
 */

import {
  defined,
  header,
  list,
  optionalBoolean,
  optionalList,
  optionalMap,
  optionalNumber,
  optionalObject,
  optionalPort,
  optionalString,
  optionalWord,
  type Raw,
  raw,
  required,
  string,
  stringElement,
} from './parse.ts';
import type {
  Condition,
  ConfigMap,
  Endpoint,
  EndpointPort,
  EndpointSlice,
  KubeEvent,
  Lease,
  Namespace,
  ObjectReference,
  Pod,
  Secret,
  Service,
  ServiceExport,
  ServicePort,
} from './types.ts';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;
const FAMILIES = ['IPv4', 'IPv6'] as const;

/** Reads a Service; throws a FieldError. */
export function parseService(value: unknown): Service {
  const object = raw(value);
  return defined({
    ...header(object, 'v1', 'Service'),
    spec: optionalObject(object, 'spec', serviceSpec) ?? {},
    status: optionalObject(object, 'status', (status) =>
      defined({
        loadBalancer: optionalObject(status, 'loadBalancer', (balancer) =>
          defined({ ingress: optionalList(balancer, 'ingress', ingress) }),
        ),
      }),
    ),
  });
}

function serviceSpec(spec: Raw): Service['spec'] {
  return defined({
    type: optionalWord(spec, 'type', ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']),
    clusterIP: optionalString(spec, 'clusterIP'),
    clusterIPs: optionalList(spec, 'clusterIPs', stringElement),
    ipFamilies: optionalList(spec, 'ipFamilies', (each) =>
      required(optionalWord({ family: each }, 'family', FAMILIES), 'family'),
    ),
    ipFamilyPolicy: optionalString(spec, 'ipFamilyPolicy'),
    ports: optionalList(spec, 'ports', servicePort),
    selector: optionalMap(spec, 'selector'),
    sessionAffinity: optionalWord(spec, 'sessionAffinity', ['None', 'ClientIP']),
    sessionAffinityConfig: optionalObject(spec, 'sessionAffinityConfig', (config) =>
      defined({
        clientIP: optionalObject(config, 'clientIP', (client) =>
          defined({ timeoutSeconds: optionalNumber(client, 'timeoutSeconds') }),
        ),
      }),
    ),
    internalTrafficPolicy: optionalString(spec, 'internalTrafficPolicy'),
    trafficDistribution: optionalString(spec, 'trafficDistribution'),
  });
}

function servicePort(value: unknown): ServicePort {
  const port = raw(value);
  return defined({
    name: optionalString(port, 'name'),
    protocol: optionalWord(port, 'protocol', PROTOCOLS),
    appProtocol: optionalString(port, 'appProtocol'),
    port: required(optionalPort(port, 'port'), 'port'),
    targetPort:
      typeof port.targetPort === 'string' ? port.targetPort : optionalPort(port, 'targetPort'),
    nodePort: optionalPort(port, 'nodePort'),
  });
}

function ingress(value: unknown) {
  const object = raw(value);
  return defined({
    ip: optionalString(object, 'ip'),
    hostname: optionalString(object, 'hostname'),
  });
}

/** Reads a EndpointSlice; throws a FieldError. */
export function parseEndpointSlice(value: unknown): EndpointSlice {
  const object = raw(value);
  return {
    ...header(object, 'discovery.k8s.io/v1', 'EndpointSlice'),
    addressType: required(
      optionalWord(object, 'addressType', ['IPv4', 'IPv6', 'FQDN']),
      'addressType',
    ),
    endpoints: list(object, 'endpoints', endpoint),
    ports: list(object, 'ports', endpointPort),
  };
}

function endpoint(value: unknown): Endpoint {
  const object = raw(value);
  return defined({
    addresses: list(object, 'addresses', stringElement),
    conditions: optionalObject(object, 'conditions', (conditions) =>
      defined({
        ready: optionalBoolean(conditions, 'ready'),
        serving: optionalBoolean(conditions, 'serving'),
        terminating: optionalBoolean(conditions, 'terminating'),
      }),
    ),
    hostname: optionalString(object, 'hostname'),
    nodeName: optionalString(object, 'nodeName'),
    zone: optionalString(object, 'zone'),
    targetRef: optionalObject(object, 'targetRef', (target) =>
      defined({
        kind: optionalString(target, 'kind'),
        namespace: optionalString(target, 'namespace'),
        name: optionalString(target, 'name'),
        uid: optionalString(target, 'uid'),
      }),
    ),
  });
}

function endpointPort(value: unknown): EndpointPort {
  const port = raw(value);
  return defined({
    name: optionalString(port, 'name'),
    port: optionalPort(port, 'port'),
    protocol: optionalWord(port, 'protocol', PROTOCOLS),
    appProtocol: optionalString(port, 'appProtocol'),
  });
}

/** Reads a Pod; throws a FieldError. */
export function parsePod(value: unknown): Pod {
  const object = raw(value);
  return {
    ...header(object, 'v1', 'Pod'),
    spec:
      optionalObject(object, 'spec', (spec) =>
        defined({
          serviceAccountName: optionalString(spec, 'serviceAccountName'),
          nodeName: optionalString(spec, 'nodeName'),
          hostNetwork: optionalBoolean(spec, 'hostNetwork'),
        }),
      ) ?? {},
    status: optionalObject(object, 'status', podStatus) ?? { podIPs: [] },
  };
}

function podStatus(status: Raw): Pod['status'] {
  const podIPs = list(status, 'podIPs', (each) => string(raw(each), 'ip'));
  const podIP = optionalString(status, 'podIP');
  return defined({
    phase: optionalString(status, 'phase'),
    podIPs: podIPs.length === 0 && podIP !== undefined ? [podIP] : podIPs,
  });
}

/** Reads a Namespace; throws a FieldError. */
export function parseNamespace(value: unknown): Namespace {
  return header(raw(value), 'v1', 'Namespace');
}

/** Reads a ConfigMap; throws a FieldError. */
export function parseConfigMap(value: unknown): ConfigMap {
  const object = raw(value);
  return { ...header(object, 'v1', 'ConfigMap'), data: optionalMap(object, 'data') ?? {} };
}

/** Reads a Secret; throws a FieldError. */
export function parseSecret(value: unknown): Secret {
  const object = raw(value);
  return defined({
    ...header(object, 'v1', 'Secret'),
    type: optionalString(object, 'type'),
    data: optionalMap(object, 'data') ?? {},
  });
}

/** Reads a ServiceExport; throws a FieldError. */
export function parseServiceExport(value: unknown): ServiceExport {
  const object = raw(value);
  return defined({
    ...header(object, 'multicluster.x-k8s.io/v1beta1', 'ServiceExport'),
    spec: optionalObject(object, 'spec', (spec) =>
      defined({
        exportedLabels: optionalMap(spec, 'exportedLabels'),
        exportedAnnotations: optionalMap(spec, 'exportedAnnotations'),
      }),
    ),
    status: optionalObject(object, 'status', (status) =>
      defined({ conditions: optionalList(status, 'conditions', condition) }),
    ),
  });
}

/** A metav1.Condition. */
export function condition(value: unknown): Condition {
  const object = raw(value);
  return defined({
    type: string(object, 'type'),
    status: required(optionalWord(object, 'status', ['True', 'False', 'Unknown']), 'status'),
    reason: optionalString(object, 'reason') ?? '',
    message: optionalString(object, 'message') ?? '',
    lastTransitionTime: optionalString(object, 'lastTransitionTime') ?? '',
    observedGeneration: optionalNumber(object, 'observedGeneration'),
  });
}

/** Reads a Lease; throws a FieldError. */
export function parseLease(value: unknown): Lease {
  const object = raw(value);
  return {
    ...header(object, 'coordination.k8s.io/v1', 'Lease'),
    spec:
      optionalObject(object, 'spec', (spec) =>
        defined({
          holderIdentity: optionalString(spec, 'holderIdentity'),
          leaseDurationSeconds: optionalNumber(spec, 'leaseDurationSeconds'),
          acquireTime: optionalString(spec, 'acquireTime'),
          renewTime: optionalString(spec, 'renewTime'),
          leaseTransitions: optionalNumber(spec, 'leaseTransitions'),
        }),
      ) ?? {},
  };
}

/** Reads a Event; throws a FieldError. */
export function parseEvent(value: unknown): KubeEvent {
  const object = raw(value);
  return defined({
    ...header(object, 'v1', 'Event'),
    involvedObject: required(
      optionalObject(object, 'involvedObject', objectReference),
      'involvedObject',
    ),
    type: optionalString(object, 'type'),
    reason: optionalString(object, 'reason'),
    message: optionalString(object, 'message'),
    count: optionalNumber(object, 'count'),
  });
}

function objectReference(value: Raw): ObjectReference {
  return defined({
    apiVersion: optionalString(value, 'apiVersion') ?? '',
    kind: optionalString(value, 'kind') ?? '',
    name: optionalString(value, 'name') ?? '',
    namespace: optionalString(value, 'namespace'),
    uid: optionalString(value, 'uid'),
    resourceVersion: optionalString(value, 'resourceVersion'),
  });
}
