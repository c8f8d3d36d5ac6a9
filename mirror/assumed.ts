/**
 * What peers exported when they were last heard, read back from this cluster's mirrors. pure
 *
 * Mirrors are all that is left of that after a restart: until a peer is heard again, nothing of it is taken away.
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
} from '#core/names.ts';
import { isMirror } from '#kube/mirror.ts';
import type { Service } from '#kube/types.ts';

/** The exports of `cluster`, by key: from its own mirrors, or from the global ones where it has none. */
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
