/**
 * Services and their addresses: defaults, allocation of cluster IPs, validation.
 *
 * Rules of k8s.io/kubernetes/pkg/apis/core/validation for what an IPv4 single-stack cluster serves.
 */
import {
  asList,
  asObject,
  asObjects,
  asString,
  asStrings,
  at,
  type JsonObject,
  type KubeObject,
} from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import type { AddressPool } from './address-pool.ts';
import { isAddress } from './addresses.ts';
import { checkLabels, nameProblem } from './names.ts';
import type { Rules } from './resources.ts';
import { ServiceAllocation } from './service-allocation.ts';
import { checkFields, hasNodePorts, isReachable } from './service-fields.ts';
import { checkPorts } from './service-ports.ts';
import { checkBalancer, withModes } from './service-status.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

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
    if (at(spec.sessionAffinityConfig, 'clientIP', 'timeoutSeconds') === undefined) {
      spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10_800 } };
    }
  } else if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
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
  if (isReachable(spec)) spec.externalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  const status = service.status ?? { loadBalancer: {} };
  return withModes({ ...service, spec, status });
}

function checkService(service: KubeObject, previous: KubeObject | undefined): Cause[] {
  const spec = asObject(service.spec);
  const before = previous === undefined ? undefined : asObject(previous.spec);
  const type = asString(spec.type);
  const causes: Cause[] = [];
  if (!TYPES.includes(type)) causes.push(fieldError.unsupported('spec.type', type, TYPES));
  if (type === 'ExternalName') causes.push(...checkName(spec));
  else {
    if (asList(spec.ports).length === 0 && spec.clusterIP !== 'None') {
      causes.push(fieldError.required('spec.ports'));
    }
    causes.push(...checkAddresses(spec, before));
  }
  causes.push(...checkPorts(spec), ...checkLabels(spec.selector, 'spec.selector'));
  causes.push(...checkFields(spec, before), ...checkBalancer(service, previous));
  return causes;
}

/** Of a Service that is a name for another: it has that, and nothing of its own. */
function checkName(spec: JsonObject): Cause[] {
  const why = 'may not be set for ExternalName services';
  const own = {
    'spec.clusterIPs': asString(spec.clusterIP) !== '' || asList(spec.clusterIPs).length > 0,
    'spec.ipFamilies': asList(spec.ipFamilies).length > 0,
    'spec.ipFamilyPolicy': spec.ipFamilyPolicy !== undefined,
  };
  const causes = Object.entries(own).flatMap(([field, isSet]) =>
    isSet ? [fieldError.forbidden(field, why)] : [],
  );
  const name = asString(spec.externalName);
  const problem = nameProblem(name.replace(/\.$/, ''), 'subdomain');
  if (name === '') causes.push(fieldError.required('spec.externalName'));
  else if (problem) causes.push(fieldError.invalid('spec.externalName', name, problem));
  return causes;
}

function checkAddresses(spec: JsonObject, before: JsonObject | undefined): Cause[] {
  const causes: Cause[] = [];
  const first = asString(spec.clusterIP);
  const all = asStrings(spec.clusterIPs);
  if (first === '' && all.length > 0) {
    const why = 'must be empty when `clusterIP` is not specified';
    causes.push(fieldError.invalid('spec.clusterIPs', all, why));
  } else if (all.length > 0 && all[0] !== first) {
    causes.push(fieldError.invalid('spec.clusterIPs', all, 'first value must match `clusterIP`'));
  }
  if (first === 'None' && hasNodePorts(spec)) {
    const why = `may not be set to 'None' for ${asString(spec.type)} services`;
    causes.push(fieldError.invalid('spec.clusterIPs[0]', first, why));
  } else if (first !== '' && first !== 'None' && !isAddress(first)) {
    const why = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
    causes.push(fieldError.invalid('spec.clusterIPs[0]', first, why));
  }
  // Whose endpoints are somebody's own may be of any family.
  const isOpen = first === 'None' && Object.keys(asObject(spec.selector)).length === 0;
  if (!isOpen) {
    asList(spec.ipFamilies).forEach((family, index) => {
      if (family === 'IPv4') return;
      const why = 'not configured on this cluster';
      causes.push(fieldError.invalid(`spec.ipFamilies[${index}]`, family, why));
    });
    if (spec.ipFamilyPolicy === 'RequireDualStack') {
      const why = 'this cluster is not configured for dual-stack services';
      causes.push(fieldError.invalid('spec.ipFamilyPolicy', 'RequireDualStack', why));
    }
  }
  if (before && before.type !== 'ExternalName' && before.clusterIP !== first) {
    causes.push(fieldError.invalid('spec.clusterIPs[0]', all, 'may not change once set'));
  }
  return causes;
}
