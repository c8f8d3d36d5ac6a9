/**
 * compile(objects) → Snapshot: everything the data path will know, from what the watches hold. pure
 *
 * Objects that contradict each other never stop the rest: a listener port claimed twice goes to the
 * older claim, a Link that does not validate is left out, and both are reported as problems.
 */
import type { CatalogExport } from '#core/catalog.ts';
import { formatId, trustDomainOf } from '#core/id.ts';
import {
  ANNOTATION_CLUSTERS,
  ANNOTATION_PORT_CLUSTERS,
  ANNOTATION_TARGET,
  GATEWAY_SERVICE,
  LISTENER_PORT_MAX,
  LISTENER_PORT_MIN,
  SYSTEM_NAMESPACE,
} from '#core/names.ts';
import { isMirror } from '#kube/mirror.ts';
import type { TrafficPolicy } from '#kube/resources/policy-attachment.ts';
import type { EndpointSlice, Pod, Service, ServiceExport, ServicePort } from '#kube/types.ts';
import { type Advertise, advertisedAddresses } from './advertised.ts';
import { catalogExportOf } from './exports.ts';
import { Policies } from './policies.ts';
import { hintOf, localService, slicesByService } from './services.ts';
import type { ListenerRoute, LocalService, Peer, Snapshot } from './types.ts';

/** A Link that validated, with what the peer announced since already put in place. */
export interface PeerLink {
  readonly linkName: string;
  readonly createdAt: string;
  readonly clusterName: string;
  readonly trustDomain: string;
  /** Whom the Link's spec trusts, see `trustHash`. */
  readonly trust: string;
  readonly trustBundle: string;
  readonly gateways: readonly { readonly host: string; readonly port: number }[];
  readonly suspended: boolean;
  /** Whether this peer may see an export; `labels` are those of the exported Service. */
  readonly sees: (labels: Readonly<Record<string, string>>) => boolean;
}

/** Everything the watches hold at one moment. */
export interface SnapshotInput {
  readonly cluster: string;
  /** `pods`, `service`, or the addresses themselves: see {@link Advertise}. */
  readonly advertise: Advertise;
  readonly services: Iterable<Service>;
  readonly slices: Iterable<EndpointSlice>;
  readonly pods: Iterable<Pod>;
  readonly exports: Iterable<ServiceExport>;
  readonly links: Iterable<PeerLink>;
  readonly policies: Iterable<TrafficPolicy>;
}

/** The snapshot. Total: never throws on objects that passed their parser. */
export function compile(input: SnapshotInput): Snapshot {
  const slices = slicesByService(input.slices);
  const policies = new Policies(input.policies);
  const gatewaySlices = slices.get(`${SYSTEM_NAMESPACE}/${GATEWAY_SERVICE}`) ?? [];
  const replicaAddresses = new Set(
    gatewaySlices.flatMap((slice) => slice.endpoints.flatMap((each) => each.addresses)),
  );
  const readyAddresses = new Set(
    gatewaySlices.flatMap((slice) =>
      // A pod that leaves stays in its slice until it is gone, but is ready no more.
      slice.endpoints.flatMap((each) => (each.conditions?.ready === false ? [] : each.addresses)),
    ),
  );
  const exportObjects = new Map<string, ServiceExport>();
  for (const each of input.exports) {
    if (each.metadata.deletionTimestamp === undefined) exportObjects.set(keyOf(each), each);
  }
  const exports = new Map<string, CatalogExport>();
  const services = new Map<string, LocalService>();
  const labels = new Map<string, Readonly<Record<string, string>>>();
  const mirrors: Service[] = [];
  for (const service of input.services) {
    if (isMirror(service)) {
      mirrors.push(service);
      continue;
    }
    if (service.spec.type === 'ExternalName') continue;
    const key = keyOf(service);
    const own = slices.get(key) ?? [];
    const exportObject = exportObjects.get(key);
    const entry = exportObject && catalogExportOf(exportObject, service, own, replicaAddresses);
    if (entry) {
      exports.set(key, entry);
      labels.set(key, service.metadata.labels ?? {});
    }
    const { namespace = '', name } = service.metadata;
    const traffic = policies.ofService(namespace, name);
    const known = localService(service, own, entry !== undefined, replicaAddresses);
    services.set(key, traffic === undefined ? known : { ...known, traffic });
  }
  return {
    exports,
    advertised: advertisedAddresses(input.advertise, input.services, replicaAddresses),
    listeners: compileListeners(mirrors, input.cluster, policies),
    services,
    peers: compilePeers(input.links, input.cluster, labels),
    replicas: gatewaySlices.flatMap((slice) =>
      slice.endpoints.flatMap((each) => each.targetRef?.name ?? []),
    ),
    replicaAddresses,
    readyAddresses,
    callers: compileCallers(input.pods, input.cluster),
  };
}

function keyOf(object: { metadata: { namespace?: string; name: string } }): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}

/** Of two claims of one port the older Service keeps it (DESIGN: listeners). */
function compileListeners(
  mirrors: Service[],
  cluster: string,
  policies: Policies,
): Map<number, ListenerRoute> {
  mirrors.sort((a, b) => ageOf(a).localeCompare(ageOf(b)));
  const listeners = new Map<number, ListenerRoute>();
  for (const mirror of mirrors) {
    if (mirror.metadata.deletionTimestamp !== undefined) continue;
    for (const port of mirror.spec.ports ?? []) {
      const route = compileListener(mirror, port, cluster, policies);
      if (route && !listeners.has(route.listenerPort)) listeners.set(route.listenerPort, route);
    }
  }
  return listeners;
}

function ageOf(service: Service): string {
  return `${service.metadata.creationTimestamp ?? ''} ${keyOf(service)}`;
}

function compileListener(
  mirror: Service,
  port: ServicePort,
  cluster: string,
  policies: Policies,
): ListenerRoute | undefined {
  const target = mirror.metadata.annotations?.[ANNOTATION_TARGET]?.split('/');
  const listenerPort = port.targetPort;
  if (target?.length !== 2 || (port.protocol ?? 'TCP') !== 'TCP') return undefined;
  if (typeof listenerPort !== 'number') return undefined;
  if (listenerPort < LISTENER_PORT_MIN || listenerPort > LISTENER_PORT_MAX) return undefined;
  const clusters = clustersOf(mirror, port);
  const [namespace = '', name = ''] = target;
  const traffic = policies.ofMirror(namespace, mirror.metadata.name, name);
  return {
    listenerPort,
    mirror: keyOf(mirror),
    target: { namespace, name, port: port.port },
    hint: hintOf(port),
    local: clusters.includes(cluster),
    clusters: clusters.filter((each) => each !== cluster),
    ...(traffic === undefined ? {} : { traffic }),
  };
}

function clustersOf(mirror: Service, port: ServicePort): readonly string[] {
  const { annotations } = mirror.metadata;
  const byPort = annotations?.[ANNOTATION_PORT_CLUSTERS];
  const listed = byPort === undefined ? undefined : portClusters(byPort)[port.name ?? ''];
  return (listed ?? annotations?.[ANNOTATION_CLUSTERS] ?? '').split(',').filter(Boolean);
}

function portClusters(json: string): Readonly<Record<string, string | undefined>> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null) return {};
    return Object.fromEntries(Object.entries(value).map(([name, list]) => [name, String(list)]));
  } catch {
    // Somebody edited our annotation; the plain list of clusters still holds.
    return {};
  }
}

/** Of two Links that name one cluster the older counts. */
function compilePeers(
  links: Iterable<PeerLink>,
  cluster: string,
  exportLabels: ReadonlyMap<string, Readonly<Record<string, string>>>,
): Map<string, Peer> {
  const ordered = [...links].sort((a, b) =>
    `${a.createdAt} ${a.linkName}`.localeCompare(`${b.createdAt} ${b.linkName}`),
  );
  const peers = new Map<string, Peer>();
  for (const { createdAt: _, sees, ...link } of ordered) {
    if (peers.has(link.clusterName) || link.clusterName === cluster) continue;
    const visibleExports = new Set<string>();
    for (const [key, labels] of exportLabels) if (sees(labels)) visibleExports.add(key);
    peers.set(link.clusterName, { ...link, visibleExports });
  }
  return peers;
}

function compileCallers(pods: Iterable<Pod>, cluster: string): Map<string, string> {
  const callers = new Map<string, string>();
  const trustDomain = trustDomainOf(cluster);
  for (const pod of pods) {
    if (pod.spec.hostNetwork || pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') {
      continue;
    }
    const namespace = pod.metadata.namespace ?? '';
    const serviceAccount = pod.spec.serviceAccountName ?? 'default';
    const id = formatId({ trustDomain, namespace, serviceAccount });
    for (const ip of pod.status.podIPs) callers.set(ip, id);
  }
  return callers;
}
