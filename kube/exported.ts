/**
 * A ServiceExport and its Service → what the catalog says of them. pure
 *
 * One function for the gateway, which tells peers, and for the mirror controller, which merges: both sides of a link
 * see the same. What a peer would not take is left out here, and named.
 */
import { CATALOG_LIMITS, type CatalogExport } from '#core/catalog.ts';
import { travellingAnnotations, travellingLabels } from '#core/metadata.ts';
import { defined } from './parse.ts';
import type { Service, ServiceExport, ServicePort } from './types.ts';

/** What is told of one export, but for its endpoints. */
export interface Exported {
  readonly entry: CatalogExport;
  /** What of it is not told, each with the reason. */
  readonly leftOut: readonly string[];
}

/** The catalog entry of an export; `readyEndpoints` and `hostnames` are for who knows them. */
export function exportOf(exported: ServiceExport, service: Service): Exported {
  const { spec, metadata } = service;
  const labels = travellingLabels(exported.spec?.exportedLabels);
  const annotations = travellingAnnotations(exported.spec?.exportedAnnotations);
  const ports = portsOf(spec.ports ?? []);
  const entry: CatalogExport = {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    createdAt: exported.metadata.creationTimestamp ?? '',
    type: spec.clusterIP === 'None' ? 'Headless' : 'ClusterSetIP',
    ports: ports.kept,
    sessionAffinity: spec.sessionAffinity ?? 'None',
    ...defined({
      sessionAffinityTimeoutSeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds,
    }),
    ipFamilies: [...(spec.ipFamilies ?? [])],
    ...defined({
      internalTrafficPolicy: spec.internalTrafficPolicy,
      trafficDistribution: spec.trafficDistribution,
    }),
    exportedLabels: labels.kept,
    exportedAnnotations: annotations.kept,
    readyEndpoints: 0,
    hostnames: [],
  };
  return { entry, leftOut: [...ports.leftOut, ...labels.leftOut, ...annotations.leftOut] };
}

function portsOf(all: readonly ServicePort[]) {
  const { portsMax, appProtocolMax } = CATALOG_LIMITS;
  const leftOut: string[] = [];
  const kept = all.slice(0, portsMax).map(({ name = '', port, protocol = 'TCP', appProtocol }) => {
    const isLong = appProtocol !== undefined && appProtocol.length > appProtocolMax;
    if (isLong) {
      leftOut.push(`appProtocol of port ${port} has more than ${appProtocolMax} characters`);
    }
    return defined({ name, port, protocol, appProtocol: isLong ? undefined : appProtocol });
  });
  if (all.length > portsMax) {
    leftOut.push(`${all.length - portsMax} ports come after ${portsMax} others`);
  }
  return { kept, leftOut };
}
