/**
 * Services and their addresses: defaults, allocation of cluster IPs, validation.
 *
 * Rules of k8s.io/kubernetes/pkg/apis/core/validation for what an IPv4 single-stack cluster serves.
 */
import {
  asList,
  asNumber,
  asObject,
  asObjects,
  asString,
  type JsonObject,
  type KubeObject,
} from '../api/json.ts';
import type { Rules } from '../api/resources.ts';
import { type Cause, fieldError } from '../api/status.ts';
import type { AddressPool } from './address-pool.ts';
import { labelKeyProblem, nameProblem } from './names.ts';
import { hasNodePorts } from './node-ports.ts';
import { ServiceAllocation } from './service-allocation.ts';
import { checkFields } from './service-fields.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** The rules of Services whose addresses come from `pool`. */
export function serviceRules(pool: AddressPool): Rules {
  const allocation = new ServiceAllocation(pool);
  return {
    hasStatus: true,
    defaults: serviceDefaults,
    admitCreate: (service) => allocation.create(service),
    admitUpdate: (changed, previous) => allocation.update(changed, previous),
    validate: checkService,
    released: (gone, kept) => allocation.release(gone, kept),
  };
}

function serviceDefaults(service: KubeObject): KubeObject {
  const spec: JsonObject = { ...asObject(service.spec) };
  spec.type ??= 'ClusterIP';
  spec.sessionAffinity ??= 'None';
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10_800 } };
  } else delete spec.sessionAffinityConfig;
  if (spec.ports !== undefined) {
    spec.ports = asObjects(spec.ports).map((port) => ({
      ...port,
      protocol: port.protocol ?? 'TCP',
      ...(port.targetPort === undefined || port.targetPort === 0 || port.targetPort === ''
        ? { targetPort: port.port }
        : {}),
    }));
  }
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer' || spec.type === 'NodePort') {
    spec.externalTrafficPolicy ??= 'Cluster';
    if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  }
  return { ...service, spec, status: service.status ?? { loadBalancer: {} } };
}

function checkService(service: KubeObject, previous: KubeObject | undefined): Cause[] {
  const spec = asObject(service.spec);
  const causes: Cause[] = [];
  const type = asString(spec.type);
  if (!TYPES.includes(type)) causes.push(fieldError.unsupported('spec.type', type, TYPES));
  const affinity = asString(spec.sessionAffinity);
  if (!['ClientIP', 'None'].includes(affinity)) {
    causes.push(fieldError.unsupported('spec.sessionAffinity', affinity, ['ClientIP', 'None']));
  }
  const policy = spec.internalTrafficPolicy;
  if (policy !== undefined && policy !== 'Cluster' && policy !== 'Local') {
    const all = ['Cluster', 'Local'];
    causes.push(fieldError.unsupported('spec.internalTrafficPolicy', policy, all));
  }
  causes.push(...checkFields(spec));
  const ports = asObjects(spec.ports);
  if (type === 'ExternalName') {
    const name = asString(spec.externalName);
    const problem = nameProblem(name.replace(/\.$/, ''), 'subdomain');
    if (name === '') causes.push(fieldError.required('spec.externalName'));
    else if (problem) causes.push(fieldError.invalid('spec.externalName', name, problem));
    if (asString(spec.clusterIP) !== '') {
      const why = 'may not be set for ExternalName services';
      causes.push(fieldError.forbidden('spec.clusterIPs', why));
    }
    return causes;
  }
  if (ports.length === 0 && spec.clusterIP !== 'None') {
    causes.push(fieldError.required('spec.ports'));
  }
  causes.push(...checkPorts(ports));
  if (type === 'ClusterIP') {
    ports.forEach((port, index) => {
      if (asNumber(port.nodePort) === 0) return;
      const why = "may not be used when `type` is 'ClusterIP'";
      causes.push(fieldError.forbidden(`spec.ports[${index}].nodePort`, why));
    });
  }
  const isReachable = hasNodePorts(spec) || asList(spec.externalIPs).length > 0;
  if (!isReachable && asString(spec.externalTrafficPolicy) !== '') {
    const why = 'may only be set for externally-accessible services';
    const policy = spec.externalTrafficPolicy;
    causes.push(fieldError.invalid('spec.externalTrafficPolicy', policy, why));
  }
  asList(spec.ipFamilies).forEach((family, index) => {
    if (family !== 'IPv4') {
      const why = 'not configured on this cluster';
      causes.push(fieldError.invalid(`spec.ipFamilies[${index}]`, family, why));
    }
  });
  if (spec.ipFamilyPolicy === 'RequireDualStack') {
    const why = 'this cluster is not configured for dual-stack services';
    causes.push(fieldError.invalid('spec.ipFamilyPolicy', 'RequireDualStack', why));
  }
  const before = asObject(previous?.spec);
  if (previous && before.type !== 'ExternalName' && before.clusterIP !== spec.clusterIP) {
    const address = asList(spec.clusterIPs);
    causes.push(fieldError.invalid('spec.clusterIPs[0]', address, 'may not change once set'));
  }
  return causes;
}

function checkPorts(ports: readonly JsonObject[]): Cause[] {
  const causes: Cause[] = [];
  const names = new Set<string>();
  const numbers = new Set<string>();
  ports.forEach((port, index) => {
    const path = `spec.ports[${index}]`;
    const name = asString(port.name);
    if (name === '' && ports.length > 1) causes.push(fieldError.required(`${path}.name`));
    else if (name !== '') {
      const problem = nameProblem(name, 'label');
      if (problem) causes.push(fieldError.invalid(`${path}.name`, name, problem));
      if (names.has(name)) causes.push(fieldError.duplicate(`${path}.name`, name));
      names.add(name);
    }
    const number = asNumber(port.port);
    if (number < 1 || number > 65_535) {
      causes.push(
        fieldError.invalid(`${path}.port`, number, 'must be between 1 and 65535, inclusive'),
      );
    }
    const protocol = asString(port.protocol);
    if (protocol === '') causes.push(fieldError.required(`${path}.protocol`));
    else if (!PROTOCOLS.includes(protocol)) {
      causes.push(fieldError.unsupported(`${path}.protocol`, protocol, PROTOCOLS));
    }
    const protocolOf = asString(port.appProtocol);
    const wrongProtocol = protocolOf === '' ? undefined : labelKeyProblem(protocolOf);
    if (wrongProtocol) {
      causes.push(fieldError.invalid(`${path}.appProtocol`, protocolOf, wrongProtocol));
    }
    const target = port.targetPort;
    if (typeof target === 'number' && (target < 1 || target > 65_535)) {
      causes.push(
        fieldError.invalid(`${path}.targetPort`, target, 'must be between 1 and 65535, inclusive'),
      );
    }
    if (
      typeof target === 'string' &&
      !/^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(target)
    ) {
      const why =
        'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-), at least one letter, and be no more than 15 characters';
      causes.push(fieldError.invalid(`${path}.targetPort`, target, why));
    }
    const key = `${number}/${protocol}`;
    if (numbers.has(key)) causes.push(fieldError.duplicate(path, { port: number, protocol }));
    numbers.add(key);
  });
  return causes;
}
