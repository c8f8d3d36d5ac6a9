/**
 * What this cluster tells its peers: one catalog entry per valid export. pure
 */
import { CATALOG_LIMITS, type CatalogExport } from '#core/catalog.ts';
import { exportOf } from '#kube/exported.ts';
import { isMirror } from '#kube/mirror.ts';
import type { EndpointSlice, Service, ServiceExport } from '#kube/types.ts';

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
  if (spec.type === 'ExternalName' || isMirror(service)) return undefined;
  if (metadata.deletionTimestamp !== undefined) return undefined;
  const ready = readyAddresses(slices, gatewayAddresses);
  return {
    ...exportOf(exported, service).entry,
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
