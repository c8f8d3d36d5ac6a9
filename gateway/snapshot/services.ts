/**
 * Services of this cluster with their ready endpoints, from Services, EndpointSlices and exports. pure
 *
 * A gateway's own address and any slice Isthmus manages never count as a local endpoint: that is
 * what keeps a mirror from pointing at itself.
 */
import { LABEL_SERVICE_NAME } from '#core/names.ts';
import { isMirrorSlice } from '#kube/mirror.ts';
import type { EndpointSlice, Service, ServicePort } from '#kube/types.ts';
import type { LocalEndpoint, LocalPort, LocalService, ProtocolHint } from './types.ts';

/** Ports whose protocol lets the server speak first (DESIGN: detection). */
const OPAQUE_PORTS: ReadonlySet<number> = new Set([25, 587, 3306, 4444, 5432, 6379, 9300, 11211]);
/** What `appProtocol` says a pod speaks (KEP-3726, and names in use with other meshes). */
const HTTP_PROTOCOLS: ReadonlyMap<string, 'http1' | 'http2'> = new Map([
  ['http', 'http1'],
  ['http/1.1', 'http1'],
  ['kubernetes.io/ws', 'http1'],
  ['http2', 'http2'],
  ['kubernetes.io/h2c', 'http2'],
  ['grpc', 'http2'],
]);

/** How connections to `port` are treated before their first byte. */
export function hintOf(port: ServicePort): ProtocolHint {
  const declared = port.appProtocol?.toLowerCase();
  if (declared === undefined) return OPAQUE_PORTS.has(port.port) ? 'opaque' : 'detect';
  // HTTP/2 is told apart from HTTP/1 by its preface, so every HTTP kind still needs a first look.
  return HTTP_PROTOCOLS.has(declared) ? 'http' : 'opaque';
}

/** Slices by `namespace/service`, without those that Isthmus manages. */
export function slicesByService(slices: Iterable<EndpointSlice>): Map<string, EndpointSlice[]> {
  const bySlice = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const service = slice.metadata.labels?.[LABEL_SERVICE_NAME];
    if (service === undefined || isMirrorSlice(slice)) continue;
    const key = `${slice.metadata.namespace}/${service}`;
    const known = bySlice.get(key);
    if (known) known.push(slice);
    else bySlice.set(key, [slice]);
  }
  return bySlice;
}

/** The Service as the data path sees it. */
export function localService(
  service: Service,
  slices: readonly EndpointSlice[],
  exported: boolean,
  gatewayAddresses: ReadonlySet<string>,
): LocalService {
  const ports = new Map<number, LocalPort>();
  for (const port of service.spec.ports ?? []) {
    if ((port.protocol ?? 'TCP') !== 'TCP') continue;
    const endpoints = slices.flatMap((slice) => readyEndpoints(slice, port, gatewayAddresses));
    const protocol = HTTP_PROTOCOLS.get(port.appProtocol?.toLowerCase() ?? '');
    ports.set(port.port, { hint: hintOf(port), protocol, endpoints });
  }
  return {
    namespace: service.metadata.namespace ?? '',
    name: service.metadata.name,
    exported,
    ports,
  };
}

function readyEndpoints(
  slice: EndpointSlice,
  port: ServicePort,
  gatewayAddresses: ReadonlySet<string>,
): LocalEndpoint[] {
  const slicePort = slice.ports.find((each) => (each.name ?? '') === (port.name ?? ''));
  if (slicePort?.port === undefined || slice.addressType === 'FQDN') return [];
  const endpoints: LocalEndpoint[] = [];
  for (const endpoint of slice.endpoints) {
    const host = endpoint.addresses[0];
    // `ready` absent means ready (EndpointConditions, discovery.k8s.io/v1).
    if (host === undefined || endpoint.conditions?.ready === false) continue;
    if (gatewayAddresses.has(host)) continue;
    endpoints.push({ host, port: slicePort.port, podName: endpoint.targetRef?.name });
  }
  return endpoints;
}
