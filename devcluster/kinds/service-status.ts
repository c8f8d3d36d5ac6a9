/**
 * The status of a Service: where a load balancer is reached. pure
 *
 * After ValidateLoadBalancerStatus in pkg/apis/core/validation and SetDefaults_Service in pkg/apis/core/v1 of Kubernetes; the mode
 * of an address is KEP-1860.
 */
import {
  asObject,
  asObjects,
  asString,
  at,
  deepEqual,
  type JsonObject,
  type KubeObject,
} from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import { isAddress } from './addresses.ts';
import { nameProblem } from './names.ts';

const INGRESS = 'status.loadBalancer.ingress';
const MODES = ['Proxy', 'VIP'];

/** `service`, in whose status each address of a load balancer says how it is reached. */
export function withModes(service: KubeObject): KubeObject {
  const ingress = at(service, 'status', 'loadBalancer', 'ingress');
  if (ingress === undefined || at(service, 'spec', 'type') !== 'LoadBalancer') return service;
  const said = asObjects(ingress).map((each) =>
    asString(each.ip) === '' ? each : { ...each, ipMode: each.ipMode ?? 'VIP' },
  );
  return withStatus(service, { ingress: said });
}

/** `service` without addresses of a load balancer that it was once. */
export function withoutAddresses(service: KubeObject): KubeObject {
  return withStatus(service, {});
}

/** What is wrong with the status of `service`, as far as it is not what it was in `previous`. */
export function checkBalancer(service: KubeObject, previous: KubeObject | undefined): Cause[] {
  const now = at(service, 'status', 'loadBalancer');
  const before = at(previous, 'status', 'loadBalancer');
  const ingress = asObjects(at(now, 'ingress'));
  if (ingress.length === 0 || deepEqual(now, before)) return [];
  if (at(service, 'spec', 'type') !== 'LoadBalancer') {
    return [fieldError.forbidden(INGRESS, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  return ingress.flatMap((each, index) => checkIngress(each, `${INGRESS}[${index}]`));
}

function checkIngress(ingress: JsonObject, path: string): Cause[] {
  const [ip, hostname] = [asString(ingress.ip), asString(ingress.hostname)];
  const causes: Cause[] = [];
  if (ip !== '' && !isAddress(ip)) {
    const why = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
    causes.push(fieldError.invalid(`${path}.ip`, ip, why));
  }
  const mode = ingress.ipMode;
  if (mode !== undefined && ip === '') {
    causes.push(
      fieldError.forbidden(`${path}.ipMode`, 'may not be specified when `ip` is not set'),
    );
  } else if (mode !== undefined && !MODES.includes(asString(mode))) {
    causes.push(fieldError.unsupported(`${path}.ipMode`, mode, MODES));
  }
  if (hostname === '') return causes;
  const problem = nameProblem(hostname, 'subdomain');
  if (problem) causes.push(fieldError.invalid(`${path}.hostname`, hostname, problem));
  if (isAddress(hostname)) {
    const why = 'must be a DNS name, not an IP address';
    causes.push(fieldError.invalid(`${path}.hostname`, hostname, why));
  }
  return causes;
}

function withStatus(service: KubeObject, loadBalancer: JsonObject): KubeObject {
  return { ...service, status: { ...asObject(service.status), loadBalancer } } as KubeObject;
}
