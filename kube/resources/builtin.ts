/**
 * The kinds we read or write, as {@link Resource} constants: where each lives in the API, and its
 * reader. pure
 */
import { API_GROUP, API_VERSION } from '#core/names.ts';
import type { Resource } from '../client.ts';
import {
  parseConfigMap,
  parseEndpointSlice,
  parseEvent,
  parseLease,
  parseNamespace,
  parsePod,
  parseSecret,
  parseService,
  parseServiceExport,
} from '../parse-objects.ts';
import type {
  ConfigMap,
  EndpointSlice,
  KubeEvent,
  KubeObject,
  Lease,
  Namespace,
  Pod,
  Secret,
  Service,
  ServiceExport,
} from '../types.ts';
import type { Link } from './link.ts';
import { parseLink } from './link-validation.ts';
import { parseTrafficPolicy, type TrafficPolicy } from './policy-attachment.ts';

/** core/v1. */
export const services: Resource<Service> = {
  ...core('services', 'Service', true),
  parse: parseService,
};
/** core/v1. */
export const pods: Resource<Pod> = { ...core('pods', 'Pod', true), parse: parsePod };
/** core/v1. */
export const namespaces: Resource<Namespace> = {
  ...core('namespaces', 'Namespace', false),
  parse: parseNamespace,
};
/** core/v1. */
export const configMaps: Resource<ConfigMap> = {
  ...core('configmaps', 'ConfigMap', true),
  parse: parseConfigMap,
};
/** core/v1. */
export const secrets: Resource<Secret> = {
  ...core('secrets', 'Secret', true),
  parse: parseSecret,
};
/** core/v1. */
export const events: Resource<KubeEvent> = { ...core('events', 'Event', true), parse: parseEvent };
/** discovery.k8s.io/v1. */
export const endpointSlices: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
  parse: parseEndpointSlice,
};
/** coordination.k8s.io/v1. */
export const leases: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
  parse: parseLease,
};
/** MCS API; v1beta1 is the storage version since mcs-api v0.5.0. */
export const serviceExports: Resource<ServiceExport> = {
  group: 'multicluster.x-k8s.io',
  version: 'v1beta1',
  plural: 'serviceexports',
  kind: 'ServiceExport',
  namespaced: true,
  parse: parseServiceExport,
};
/** Never fails on an invalid `spec`: see {@link Link}. */
export const links: Resource<Link> = {
  group: API_GROUP,
  version: API_VERSION,
  plural: 'links',
  kind: 'Link',
  namespaced: true,
  parse: parseLink,
};

/** Never fails on an invalid `spec`: see {@link TrafficPolicy}. */
export const trafficPolicies: Resource<TrafficPolicy> = {
  group: API_GROUP,
  version: API_VERSION,
  plural: 'trafficpolicies',
  kind: 'TrafficPolicy',
  namespaced: true,
  parse: parseTrafficPolicy,
};

/** `group/version`, or `version` in the core group. */
export function apiVersionOf(resource: Pick<Resource<KubeObject>, 'group' | 'version'>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

function core(plural: string, kind: string, namespaced: boolean) {
  return { group: '', version: 'v1', plural, kind, namespaced };
}
