/**
 * Which Links count, and what each brings in. pure
 *
 * Of two Links that name one cluster the older counts. An invalid Link brings nothing new and takes
 * nothing away: what was imported through it stays until somebody fixes or deletes it.
 */
import { z } from 'zod';
import { type CatalogExport, exportKey } from '#core/catalog.ts';
import { travellingAnnotations, travellingLabels } from '#core/metadata.ts';
import {
  ANNOTATION_CLUSTERS,
  ANNOTATION_EXPORTED_AT,
  ANNOTATION_PORT_CLUSTERS,
  ANNOTATION_TARGET,
  GLOBAL,
  LABEL_MIRROR,
  SYSTEM_NAMESPACE,
} from '#core/names.ts';
import { isMirror } from '#kube/mirror.ts';
import type { Link, LinkSpec } from '#kube/resources/link.ts';
import type { Service } from '#kube/types.ts';
import type { Member, PlanInput } from './input.ts';
import { isCarried } from './merge.ts';

/** A Link and its part in the plan. */
export type LinkRole =
  | { readonly link: Link; readonly role: 'active'; readonly spec: LinkSpec }
  | { readonly link: Link; readonly role: 'invalid' }
  | { readonly link: Link; readonly role: 'duplicate'; readonly of: string }
  | { readonly link: Link; readonly role: 'self' };

/** Every Link with its role, the oldest first. Links being deleted are left out. */
export function linkRoles(links: readonly Link[], ownCluster: string): readonly LinkRole[] {
  const holders = new Map<string, string>();
  const ordered = links
    .filter((link) => link.metadata.deletionTimestamp === undefined)
    .sort(olderLinkFirst);
  return ordered.map((link): LinkRole => {
    const { spec } = link;
    if (spec === undefined) return { link, role: 'invalid' };
    if (spec.clusterName === ownCluster) return { link, role: 'self' };
    const holder = holders.get(spec.clusterName);
    if (holder !== undefined) return { link, role: 'duplicate', of: holder };
    holders.set(spec.clusterName, link.metadata.name);
    return { link, role: 'active', spec };
  });
}

/** Older by creation, then by name. */
export function olderLinkFirst(a: Link, b: Link): number {
  return linkAge(a) < linkAge(b) ? -1 : 1;
}

function linkAge({ metadata }: Link): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
}

/** The oldest active Link that brings in services of `namespace`, if there is one. */
export function importerOf(roles: readonly LinkRole[], namespace: string): Link | undefined {
  return roles.find((each) => each.role === 'active' && importsNamespace(each.spec, namespace))
    ?.link;
}

/** Whether a Link brings in services of `namespace`; kube-* and our own never come in. */
export function importsNamespace(spec: LinkSpec, namespace: string): boolean {
  if (namespace.startsWith('kube-') || namespace === SYSTEM_NAMESPACE) return false;
  return spec.import.namespaces?.includes(namespace) ?? true;
}

/** Whether an export can have a mirror: not headless ones, and none without a port that gateways carry. */
export function isMirrored(one: CatalogExport): boolean {
  return one.type !== 'Headless' && one.ports.some(isCarried);
}

/** Every export that comes in from other clusters, whether its namespace exists here or not. */
export function remoteMembers(
  roles: readonly LinkRole[],
  input: Pick<PlanInput, 'cluster' | 'catalogs' | 'services'>,
): readonly Member[] {
  const members: Member[] = [];
  const served = new Set<string>();
  for (const each of roles) {
    if (each.role !== 'active') continue;
    const { link, spec } = each;
    const cluster = spec.clusterName;
    served.add(cluster);
    const catalog = input.catalogs.get(cluster);
    const exports = catalog?.exports ?? assumedExports(input.services.values(), cluster);
    for (const one of exports.values()) {
      if (!importsNamespace(spec, one.namespace)) continue;
      members.push({ cluster, export: one, link, assumed: catalog === undefined });
    }
  }
  for (const { role, link } of roles) {
    const cluster = link.clusterName;
    if (role !== 'invalid' || cluster === undefined || served.has(cluster)) continue;
    // Such a name is one of the things that make a Link invalid.
    if (cluster === GLOBAL || cluster === input.cluster) continue;
    served.add(cluster);
    for (const one of assumedExports(input.services.values(), cluster).values()) {
      members.push({ cluster, export: one, link, assumed: true });
    }
  }
  return members;
}

/**
 * What `cluster` exported when it was last heard, read back from its mirrors, or from the global ones
 * where it has none of its own: until it is heard again, nothing of it is taken away.
 */
export function assumedExports(
  services: Iterable<Service>,
  cluster: string,
): ReadonlyMap<string, CatalogExport> {
  const own = new Map<string, CatalogExport>();
  const shared = new Map<string, CatalogExport>();
  for (const service of services) {
    if (!isMirror(service)) continue;
    const of = service.metadata.labels?.[LABEL_MIRROR];
    const found = of === cluster ? own : of === GLOBAL ? shared : undefined;
    const one = found && assumedExport(service, of === GLOBAL ? cluster : undefined);
    if (one) found.set(exportKey(one), one);
  }
  return new Map([...shared, ...own]);
}

/** `only`: leave out the ports of a global mirror that this cluster does not serve. */
function assumedExport(service: Service, only: string | undefined): CatalogExport | undefined {
  const { labels, annotations } = service.metadata;
  const [namespace, name] = targetOf(service)?.split('/') ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  const ports = (service.spec.ports ?? []).filter(
    (port) => only === undefined || portClusters(service, port.name ?? '').includes(only),
  );
  if (ports.length === 0) return undefined;
  return {
    namespace,
    name,
    createdAt: annotations?.[ANNOTATION_EXPORTED_AT] ?? '',
    type: 'ClusterSetIP',
    ports: ports.map((port) => ({
      name: port.name ?? '',
      port: port.port,
      protocol: 'TCP',
      appProtocol: port.appProtocol,
    })),
    sessionAffinity: 'None',
    ipFamilies: [],
    exportedLabels: travellingLabels(labels).kept,
    exportedAnnotations: travellingAnnotations(annotations).kept,
    readyEndpoints: 0,
    hostnames: [],
  };
}

const portClustersShape = z.record(z.string(), z.string());

function portClusters(service: Service, port: string): readonly string[] {
  const { annotations } = service.metadata;
  const all = annotations?.[ANNOTATION_CLUSTERS] ?? '';
  const uneven = annotations?.[ANNOTATION_PORT_CLUSTERS];
  return (uneven === undefined ? all : (byPort(uneven)[port] ?? all)).split(',');
}

function byPort(json: string): Readonly<Record<string, string>> {
  try {
    return portClustersShape.parse(JSON.parse(json));
  } catch {
    // Somebody edited our annotation; the plain list of clusters still holds.
    return {};
  }
}

/** `namespace/name` of the exported Service that `mirror` stands for. */
export function targetOf(mirror: Service): string | undefined {
  return mirror.metadata.annotations?.[ANNOTATION_TARGET];
}
