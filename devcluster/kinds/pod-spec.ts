/**
 * The `spec` of pods and of templates of pods: what is refused. pure
 *
 * The subset of ValidatePodSpec in pkg/apis/core/validation of Kubernetes that manifests of Isthmus and its users meet.
 */
import {
  asNumber,
  asObject,
  asObjects,
  asString,
  asStrings,
  type JsonObject,
} from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import { checkContainer } from './container.ts';
import { checkLabels, nameProblem } from './names.ts';

const RESTARTS = ['Always', 'OnFailure', 'Never'];
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

/** Problems of a pod's `spec` at `path`. */
export function checkPodSpec(spec: JsonObject, path: string): Cause[] {
  const causes: Cause[] = [];
  const volumes = new Set<string>();
  asObjects(spec.volumes).forEach((volume, index) => {
    causes.push(...checkName(asString(volume.name), `${path}.volumes[${index}].name`, volumes));
  });
  if (asObjects(spec.containers).length === 0) {
    causes.push(fieldError.required(`${path}.containers`));
  }
  const names = new Set<string>();
  for (const key of ['containers', 'initContainers']) {
    asObjects(spec[key]).forEach((container, index) => {
      const place = `${path}.${key}[${index}]`;
      causes.push(...checkName(asString(container.name), `${place}.name`, names));
      causes.push(...checkContainer(container, place, volumes));
    });
  }
  const policy = asString(spec.restartPolicy);
  if (!RESTARTS.includes(policy)) {
    causes.push(fieldError.unsupported(`${path}.restartPolicy`, policy, RESTARTS));
  }
  const grace = asNumber(spec.terminationGracePeriodSeconds);
  if (grace < 0) {
    const field = `${path}.terminationGracePeriodSeconds`;
    causes.push(fieldError.invalid(field, grace, 'must be greater than or equal to 0'));
  }
  for (const key of ['hostname', 'subdomain']) {
    const name = asString(spec[key]);
    const problem = name === '' ? undefined : nameProblem(name, 'label');
    if (problem) causes.push(fieldError.invalid(`${path}.${key}`, name, problem));
  }
  causes.push(...checkLabels(spec.nodeSelector, `${path}.nodeSelector`));
  return [...causes, ...checkDns(spec, path)];
}

/** What is wrong with `name`, a label that nobody else among `taken` has; it is taken then. */
function checkName(name: string, field: string, taken: Set<string>): Cause[] {
  if (name === '') return [fieldError.required(field)];
  const problem = nameProblem(name, 'label');
  if (problem) return [fieldError.invalid(field, name, problem)];
  if (taken.has(name)) return [fieldError.duplicate(field, name)];
  taken.add(name);
  return [];
}

function checkDns(spec: JsonObject, path: string): Cause[] {
  const policy = asString(spec.dnsPolicy);
  if (!DNS_POLICIES.includes(policy)) {
    return [fieldError.unsupported(`${path}.dnsPolicy`, policy, DNS_POLICIES)];
  }
  if (policy !== 'None') return [];
  if (spec.dnsConfig === undefined) {
    const why = 'must provide `dnsConfig` when `dnsPolicy` is None';
    return [fieldError.required(`${path}.dnsConfig`, why)];
  }
  const servers = asStrings(asObject(spec.dnsConfig).nameservers);
  const why = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
  return servers.length > 0 ? [] : [fieldError.required(`${path}.dnsConfig.nameservers`, why)];
}
