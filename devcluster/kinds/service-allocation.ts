/**
 * What a Service holds of the cluster: its address and its node ports.
 *
 * After pkg/registry/core/service/storage/alloc.go and storage.go of Kubernetes (`patchAllocatedValues`,
 * `dropTypeDependentFields`). Promises: what is taken for a write that then fails, or is a dry run, is given back with
 * {@link ServiceAllocation.release}; what a Service held before a write stays its own until the write is done.
 */
import {
  asList,
  asObject,
  asObjects,
  asString,
  deepEqual,
  type JsonObject,
  type KubeObject,
  without,
} from '../values/json.ts';
import { fieldError, invalid } from '../values/status.ts';
import type { AddressPool } from './address-pool.ts';
import { NodePorts } from './node-ports.ts';
import { hasNodePorts, isReachable, needsHealthPort } from './service-fields.ts';
import { withoutAddresses } from './service-status.ts';

/** See the file header. */
export class ServiceAllocation {
  readonly #pool: AddressPool;
  readonly #nodePorts = new NodePorts();

  constructor(pool: AddressPool) {
    this.#pool = pool;
  }

  /** A new Service with what it asks for, or what is free. */
  create(service: KubeObject): KubeObject {
    return this.#take(service, undefined);
  }

  /** `changed` with what its former self was given; what its type has no use for is gone, if nobody changed it. */
  update(changed: KubeObject, previous: KubeObject): KubeObject {
    const spec = asObject(changed.spec);
    const before = asObject(previous.spec);
    const address = asString(spec.clusterIP) || asString(before.clusterIP);
    const kept = address === '' ? spec : withAddress(spec, address);
    const isBalancerNoMore = before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer';
    const told = isBalancerNoMore ? withoutAddresses(changed) : changed;
    return this.#take({ ...told, spec: settled(kept, before) }, previous);
  }

  /** Gives back what `gone` held and `kept` does not hold. */
  release(gone: KubeObject, kept?: KubeObject): void {
    // An address is never exchanged: whoever keeps one asked for another in vain, and it may be somebody's.
    if (asString(asObject(kept?.spec).clusterIP) === '') {
      this.#pool.release(asString(asObject(gone.spec).clusterIP));
    }
    this.#nodePorts.release(gone, kept);
  }

  #take(service: KubeObject, previous: KubeObject | undefined): KubeObject {
    const taken = this.#nodePorts.allocate(withFamily(service, previous), previous);
    try {
      return this.#addressed(taken, previous);
    } catch (error) {
      this.#nodePorts.release(taken, previous);
      throw error;
    }
  }

  #addressed(service: KubeObject, previous: KubeObject | undefined): KubeObject {
    const spec = asObject(service.spec);
    if (spec.type === 'ExternalName' || asString(asObject(previous?.spec).clusterIP) !== '') {
      return service;
    }
    const asked = addressOf(spec);
    if (asked === 'None') return { ...service, spec: withAddress(spec, 'None') };
    if (asked === '') return { ...service, spec: withAddress(spec, this.#pool.take()) };
    const problem = this.#pool.claim(asked);
    if (problem) {
      const why = `failed to allocate IP ${asked}: ${problem}`;
      throw invalid('', 'Service', service.metadata.name, [
        fieldError.invalid('spec.clusterIPs', [asked], why),
      ]);
    }
    return { ...service, spec: withAddress(spec, asked) };
  }
}

/** The family of its addresses is given to a Service with them, and is nobody's field. */
function withFamily(service: KubeObject, previous: KubeObject | undefined): KubeObject {
  const spec = asObject(service.spec);
  if (spec.type === 'ExternalName') return service;
  const before = asObject(previous?.spec);
  const isOpen = addressOf(spec) === 'None' && Object.keys(asObject(spec.selector)).length === 0;
  const ipFamilyPolicy =
    spec.ipFamilyPolicy ?? before.ipFamilyPolicy ?? (isOpen ? 'RequireDualStack' : 'SingleStack');
  let ipFamilies = asList(spec.ipFamilies ?? before.ipFamilies ?? ['IPv4']);
  if (isOpen && ipFamilies.length === 1 && ipFamilyPolicy !== 'SingleStack') {
    // Its endpoints are somebody's own, of whichever family: also on a cluster that has one.
    ipFamilies = ipFamilies[0] === 'IPv4' ? ['IPv4', 'IPv6'] : ['IPv6', 'IPv4'];
  }
  return { ...service, spec: { ...spec, ipFamilies, ipFamilyPolicy } };
}

function addressOf(spec: JsonObject): string {
  return asString(spec.clusterIP) || asString(asList(spec.clusterIPs)[0]);
}

function withAddress(spec: JsonObject, clusterIP: string): JsonObject {
  return { ...spec, clusterIP, clusterIPs: [clusterIP] };
}

/** Fields that only some types have, and that are dropped with the type unless they were changed as well. */
function settled(spec: JsonObject, before: JsonObject): JsonObject {
  const unchanged = (...keys: string[]) => keys.filter((key) => deepEqual(spec[key], before[key]));
  let result = spec;
  if (spec.type === 'ExternalName' && before.type !== 'ExternalName') {
    const address = spec.clusterIP === before.clusterIP ? ['clusterIP', 'clusterIPs'] : [];
    result = without(result, ...address, ...unchanged('ipFamilies', 'ipFamilyPolicy'));
  }
  if (hasNodePorts(before) && !hasNodePorts(spec)) {
    const known = asObjects(before.ports).map(({ nodePort }) => nodePort);
    const ports = asObjects(spec.ports);
    if (ports.every(({ nodePort }) => nodePort === undefined || known.includes(nodePort))) {
      result = { ...result, ports: ports.map((port) => without(port, 'nodePort')) };
    }
  }
  if (isReachable(before) && !isReachable(spec)) {
    result = without(result, ...unchanged('externalTrafficPolicy'));
  }
  if (needsHealthPort(before) && !needsHealthPort(result)) {
    result = without(result, ...unchanged('healthCheckNodePort'));
  }
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    result = without(result, ...unchanged('allocateLoadBalancerNodePorts', 'loadBalancerClass'));
  }
  return result;
}
