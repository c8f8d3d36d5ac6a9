/**
 * The EndpointSlices of a mirror, one for each address family: the gateways, on the listener ports of the mirror. pure
 */
import {
  LABEL_MANAGED_BY,
  LABEL_SERVICE_NAME,
  LABEL_SLICE_MANAGER,
  MANAGER,
  SLICE_MANAGER,
} from '#core/names.ts';
import { defined } from '#kube/parse.ts';
import { apiVersionOf, endpointSlices } from '#kube/resources/builtin.ts';
import type { Endpoint, EndpointSlice, ServicePort } from '#kube/types.ts';
import { hasAll } from './mirror-service.ts';
import { type FAMILIES, type Mirror, sliceName } from './mirrors.ts';

type Family = (typeof FAMILIES)[number];

/** Kubernetes' own bound on the endpoints of a slice is 1,000; nobody runs this many gateways. */
const ENDPOINTS_MAX = 100;

/** The slice of `mirror` for one address family; `endpoints` are the gateways of that family. */
export function sliceOf(
  mirror: Mirror,
  ports: readonly ServicePort[],
  family: Family,
  endpoints: readonly Endpoint[],
): EndpointSlice {
  return {
    apiVersion: apiVersionOf(endpointSlices),
    kind: 'EndpointSlice',
    metadata: {
      name: sliceName(mirror, family),
      namespace: mirror.namespace,
      labels: {
        [LABEL_SERVICE_NAME]: mirror.name,
        [LABEL_SLICE_MANAGER]: SLICE_MANAGER,
        [LABEL_MANAGED_BY]: MANAGER,
      },
    },
    addressType: family,
    endpoints,
    ports: ports.map(({ name, appProtocol, targetPort }) =>
      defined({
        name: name ?? '',
        protocol: 'TCP' as const,
        appProtocol,
        port: typeof targetPort === 'number' ? targetPort : undefined,
      }),
    ),
  };
}

/** Whether `existing` says what `wanted` says, and goes with the mirror Service `ownerUid`. */
export function sameSlice(
  existing: EndpointSlice | undefined,
  wanted: EndpointSlice,
  ownerUid: string | undefined,
): boolean {
  return (
    existing !== undefined &&
    existing.metadata.deletionTimestamp === undefined &&
    ownerUid !== undefined &&
    existing.metadata.ownerReferences?.some((owner) => owner.uid === ownerUid) === true &&
    hasAll(existing.metadata.labels, wanted.metadata.labels) &&
    JSON.stringify(sliceFacts(existing)) === JSON.stringify(sliceFacts(wanted))
  );
}

/** The parts we write, in one order and with the server's defaults filled in. */
function sliceFacts(slice: EndpointSlice): unknown {
  return [
    slice.endpoints.map((each) => [
      each.addresses,
      each.conditions?.ready,
      each.conditions?.serving,
      each.conditions?.terminating,
      each.nodeName,
      each.zone,
    ]),
    slice.ports
      .map((port) => [port.name ?? '', port.port, port.protocol ?? 'TCP', port.appProtocol])
      .sort((a, b) => Number(a[1]) - Number(b[1])),
  ];
}

/** The gateways by address family, in one order. A terminating one stays until its slice drops it. */
export function gatewayEndpoints(slices: readonly EndpointSlice[]) {
  const found: Record<Family, Map<string, Endpoint>> = {
    IPv4: new Map(),
    IPv6: new Map(),
  };
  for (const { addressType, endpoints } of slices) {
    if (addressType === 'FQDN') continue;
    for (const { addresses, conditions, nodeName, zone, targetRef } of endpoints) {
      const [address] = addresses;
      if (address === undefined) continue;
      const ready = conditions?.ready ?? true;
      const full = {
        ready,
        serving: conditions?.serving ?? ready,
        terminating: conditions?.terminating ?? false,
      };
      const endpoint = { addresses: [address], conditions: full, nodeName, zone, targetRef };
      found[addressType].set(address, defined(endpoint));
    }
  }
  const ordered = (family: Family) =>
    [...found[family]]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, endpoint]) => endpoint)
      .slice(0, ENDPOINTS_MAX);
  return { IPv4: ordered('IPv4'), IPv6: ordered('IPv6') };
}
