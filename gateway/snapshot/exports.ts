/**
 * What this cluster tells its peers: one catalog entry per valid export. pure
 */
import { CATALOG_LIMITS, type CatalogExport } from '#core/catalog.ts';
import { LABEL_MANAGED_BY, LABEL_MIRROR, MANAGER } from '#core/names.ts';
import type { EndpointSlice, Service, ServiceExport } from '#kube/types.ts';

/** Prefixes whose labels and annotations never travel (DESIGN: resources). */
const PRIVATE_PREFIX = /^([^/]*\.)?(kubernetes\.io|k8s\.io|isthmus\.dev)\//;

/**
 * The catalog entry of an export, or `undefined` when it cannot be exported: an ExternalName Service
 * (KEP-1645) or a mirror (DESIGN: no loops).
 */
export function catalogExportOf(
  exported: ServiceExport,
  service: Service,
  slices: readonly EndpointSlice[],
  gatewayAddresses: ReadonlySet<string>,
): CatalogExport | undefined {
  const { spec, metadata } = service;
  if (spec.type === 'ExternalName' || metadata.deletionTimestamp !== undefined) return undefined;
  if (metadata.labels?.[LABEL_MANAGED_BY] === MANAGER && metadata.labels[LABEL_MIRROR]) {
    return undefined;
  }
  const ready = readyAddresses(slices, gatewayAddresses);
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    createdAt: exported.metadata.creationTimestamp ?? '',
    type: spec.clusterIP === 'None' ? 'Headless' : 'ClusterSetIP',
    ports: (spec.ports ?? []).slice(0, CATALOG_LIMITS.portsMax).map((port) => ({
      name: port.name ?? '',
      port: port.port,
      protocol: port.protocol ?? 'TCP',
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    })),
    sessionAffinity: spec.sessionAffinity ?? 'None',
    ...optional(
      'sessionAffinityTimeoutSeconds',
      spec.sessionAffinityConfig?.clientIP?.timeoutSeconds,
    ),
    ipFamilies: [...(spec.ipFamilies ?? [])],
    ...optional('internalTrafficPolicy', spec.internalTrafficPolicy),
    ...optional('trafficDistribution', spec.trafficDistribution),
    exportedLabels: publicOnly(exported.spec?.exportedLabels),
    exportedAnnotations: publicOnly(exported.spec?.exportedAnnotations),
    readyEndpoints: ready.addresses.size,
    hostnames: [...ready.hostnames].slice(0, CATALOG_LIMITS.hostnamesMax),
  };
}

function readyAddresses(slices: readonly EndpointSlice[], gatewayAddresses: ReadonlySet<string>) {
  const addresses = new Set<string>();
  const hostnames = new Set<string>();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    for (const endpoint of slice.endpoints) {
      const address = endpoint.addresses[0];
      if (address === undefined || endpoint.conditions?.ready === false) continue;
      if (gatewayAddresses.has(address)) continue;
      // A dual-stack pod stands in two slices; its pod counts once.
      addresses.add(endpoint.targetRef?.uid ?? endpoint.targetRef?.name ?? address);
      if (endpoint.hostname !== undefined) hostnames.add(endpoint.hostname);
    }
  }
  return { addresses, hostnames };
}

function publicOnly(metadata: Readonly<Record<string, string>> | undefined) {
  const entries = Object.entries(metadata ?? {}).filter(([key]) => !PRIVATE_PREFIX.test(key));
  return Object.fromEntries(entries.slice(0, CATALOG_LIMITS.metadataMax));
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
