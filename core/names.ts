/**
 * The names both planes must agree on: labels, annotations, headers, ports, mirror names. pure
 *
 * One name per idea; `docs/glossary.md` explains them.
 */
import { createHash } from 'node:crypto';

/** The namespace Isthmus itself runs in. */
export const SYSTEM_NAMESPACE = 'isthmus-system';
/** Our API group and version. */
export const API_GROUP = 'isthmus.dev';
export const API_VERSION = 'v1alpha1';
/** The value of `app.kubernetes.io/managed-by`, and our server-side-apply field manager. */
export const MANAGER = 'isthmus';
/** On an EndpointSlice: the Service it is of, as Kubernetes asks. */
export const LABEL_SERVICE_NAME = 'kubernetes.io/service-name';
/** Who writes an EndpointSlice, as Kubernetes asks. */
export const LABEL_SLICE_MANAGER = 'endpointslice.kubernetes.io/managed-by';
/** Its value on slices the mirror controller writes. */
export const SLICE_MANAGER = 'mirror.isthmus.dev';

/** Label that exports a Service: `"true"`. */
export const LABEL_EXPORT = 'isthmus.dev/export';
export const LABEL_MANAGED_BY = 'app.kubernetes.io/managed-by';
/** On a mirror: the cluster it reaches, or `global`. */
export const LABEL_MIRROR = 'isthmus.dev/mirror';
/** On a mirror: `namespace/name` of the exported Service. */
export const ANNOTATION_TARGET = 'isthmus.dev/target';
/**
 * On a mirror: the comma-separated clusters that serve it, this one included when it exports it. On a namespace that was
 * made for mirrors: the cluster that brought it.
 */
export const ANNOTATION_CLUSTERS = 'isthmus.dev/clusters';
/** On a mirror: per port name, the comma-separated clusters that expose that port (JSON object). */
export const ANNOTATION_PORT_CLUSTERS = 'isthmus.dev/port-clusters';
/** On a mirror of one cluster: when it was exported there, as that cluster's API server wrote it. */
export const ANNOTATION_EXPORTED_AT = 'isthmus.dev/exported-at';
/** On a mirror: a hash of what was last applied, so that what was taken out since is noticed. */
export const ANNOTATION_APPLIED = 'isthmus.dev/applied';
/** The mirror that reaches every exporting cluster; refused as a cluster name. */
export const GLOBAL = 'global';

/** Between gateways. */
export const GATEWAY_PORT = 4143;
/** Admin: liveness, readiness, metrics; guarded views over mTLS. */
export const ADMIN_PORT = 4191;
/** The identity service. */
export const IDENTITY_PORT = 8443;
/** Ports a gateway may listen on for mirrors, both ends included. */
export const LISTENER_PORT_MIN = 10_000;
export const LISTENER_PORT_MAX = 32_767;

/** Service accounts of the components. */
export const GATEWAY_ACCOUNT = 'isthmus-gateway';
export const MIRROR_ACCOUNT = 'isthmus-mirror';
export const IDENTITY_ACCOUNT = 'isthmus-identity';
/** The headless Service whose EndpointSlices hold the gateway pods. */
export const GATEWAY_SERVICE = 'isthmus-gateway';
/** The LoadBalancer Service by which peers reach the gateways. */
export const GATEWAY_EXTERNAL_SERVICE = 'isthmus-gateway-external';
export const IDENTITY_SERVICE = 'isthmus-identity';
/** ConfigMap: what this cluster is called (`clusterName`), where it is reached (`advertise`). */
export const CLUSTER_CONFIG_MAP = 'isthmus-cluster';
/** ConfigMap, key `ca.crt`: this cluster's trust bundle, PEM. Written by identity. */
export const TRUST_BUNDLE_CONFIG_MAP = 'isthmus-trust-bundle';
/** Audience of the projected token a workload shows to identity. */
export const IDENTITY_AUDIENCE = 'identity.isthmus.dev';

/** Headers only gateways may set; stripped at the edge, trailers included. */
export const HEADER_TARGET = 'isthmus-target';
/** On a request: attempts the far gateway may make after its first. On a refusal: how many were made. */
export const HEADER_ATTEMPTS = 'isthmus-attempts';
/** Milliseconds the near gateway still waits: relative, so that clocks need not agree. */
export const HEADER_TIMEOUT = 'isthmus-timeout';
export const HEADER_SOURCE = 'isthmus-source-cluster';
export const HEADER_CALLER = 'isthmus-caller';
/** The HTTP version the client spoke, where it was 2: the far pod is spoken to alike. */
export const HEADER_VERSION = 'isthmus-http-version';
/** On a request and its answer: the protocol to switch to, and switched to. */
export const HEADER_UPGRADE = 'isthmus-upgrade';
/** The method of a request that asks to switch, where it is not GET. */
export const HEADER_METHOD = 'isthmus-method';
/** On an answer: the code of the error table that made it. */
export const HEADER_ERROR = 'isthmus-error';
/** The clusters passed, comma separated: the one header of ours kept from any sender. */
export const HEADER_HOPS = 'isthmus-hops';
/** Every header of ours begins so. */
export const HEADER_PREFIX = 'isthmus-';

const LABEL_MAX = 63;
const SUBDOMAIN_MAX = 253;

/** Whether `name` is an RFC 1123 label (Kubernetes: cluster, Service and namespace names). */
export function isLabelName(name: string): boolean {
  return name.length <= LABEL_MAX && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name);
}

/** What somebody else wrote, fit for a message of ours: printable, and no longer than `max`. */
export function quotable(text: string, max: number): string {
  return text.replace(/[^ -~]/g, '?').slice(0, max);
}

/**
 * Whether `name` is a qualified name (Kubernetes: keys of labels and annotations, `appProtocol`): a name of at
 * most 63 characters, after a DNS subdomain and a slash where there is one.
 */
export function isQualifiedName(name: string): boolean {
  const slash = name.indexOf('/');
  if (slash >= 0 && !isSubdomain(name.slice(0, slash))) return false;
  const rest = name.slice(slash + 1);
  return rest.length <= LABEL_MAX && /^[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?$/.test(rest);
}

/** Whether `value` may be the value of a label; it may be empty. */
export function isLabelValue(value: string): boolean {
  return value.length <= LABEL_MAX && /^([A-Za-z0-9]([-\w.]*[A-Za-z0-9])?)?$/.test(value);
}

function isSubdomain(name: string): boolean {
  const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
  return name.length <= SUBDOMAIN_MAX && new RegExp(`^${label}(\\.${label})*$`).test(name);
}

/**
 * The name of the mirror of Service `service` for `cluster` (or {@link GLOBAL}): `service-cluster`,
 * or, where that passes 63 characters, its beginning and a hash that is the same in every cluster.
 */
export function mirrorName(service: string, cluster: string): string {
  const full = `${service}-${cluster}`;
  if (full.length <= LABEL_MAX) return full;
  const hash = createHash('sha256').update(full).digest('hex').slice(0, 10);
  return `${full.slice(0, LABEL_MAX - 11).replace(/-+$/, '')}-${hash}`;
}

/** The TLS server name by which `cluster` introduces itself on port 4143 (DESIGN: one port, many bundles). */
export function linkServerName(cluster: string): string {
  return `${cluster}.link.isthmus`;
}

/** The inverse of {@link linkServerName}. */
export function clusterOfServerName(serverName: string): string | undefined {
  const match = /^([a-z0-9-]{1,63})\.link\.isthmus$/.exec(serverName);
  return match?.[1];
}
