/**
 * Mirrors → actions: the Service of each mirror and its EndpointSlices, compared with what is there. pure
 */
import { createHash } from 'node:crypto';
import {
  ANNOTATION_APPLIED,
  ANNOTATION_CLUSTERS,
  ANNOTATION_EXPORTED_AT,
  ANNOTATION_PORT_CLUSTERS,
  ANNOTATION_TARGET,
  GLOBAL,
  LABEL_MANAGED_BY,
  LABEL_MIRROR,
  LABEL_SLICE_MANAGER,
  MANAGER,
  SLICE_MANAGER,
} from '#core/names.ts';
import { isMirror } from '#kube/mirror.ts';
import { defined } from '#kube/parse.ts';
import { apiVersionOf, endpointSlices } from '#kube/resources/builtin.ts';
import type { Endpoint, EndpointSlice, Service, ServicePort } from '#kube/types.ts';
import { isOurs } from './foreign.ts';
import type { Action, PlanInput } from './input.ts';
import { FAMILIES, type Mirror, sliceName } from './mirrors.ts';
import { portOwner } from './ports.ts';

const LABEL_SERVICE_NAME = 'kubernetes.io/service-name';
/** Kubernetes' own bound on the endpoints of a slice is 1,000; nobody runs this many gateways. */
const ENDPOINTS_MAX = 100;

/** Everything that has to be applied for `mirrors`, and everything of ours that has to go. */
export function mirrorActions(
  mirrors: ReadonlyMap<string, Mirror>,
  ports: ReadonlyMap<string, number>,
  input: Pick<PlanInput, 'services' | 'slices' | 'gatewaySlices'>,
): readonly Action[] {
  const actions: Action[] = [];
  const gateways = gatewayEndpoints(input.gatewaySlices);
  const wantedSlices = new Set<string>();
  for (const mirror of mirrors.values()) {
    const listeners = portsOf(mirror, ports);
    if (listeners.length === 0) continue;
    const existing = input.services.get(mirror.key);
    // What is being deleted comes back as soon as it is gone.
    if (existing?.metadata.deletionTimestamp !== undefined) continue;
    const service = serviceOf(mirror, listeners);
    if (existing === undefined || !covers(existing, service)) {
      actions.push({ do: 'apply', key: mirror.key, kind: 'Service', object: service });
    }
    for (const family of FAMILIES) {
      const endpoints = gateways[family];
      if (endpoints.length === 0) continue;
      const slice = sliceOf(mirror, listeners, family, endpoints);
      const key = `${mirror.namespace}/${slice.metadata.name}`;
      wantedSlices.add(key);
      const found = input.slices.get(key);
      if (found !== undefined && !isOurs('EndpointSlice', found)) continue;
      if (sameSlice(found, slice, existing?.metadata.uid)) continue;
      const { key: owner } = mirror;
      actions.push({ do: 'apply', key: owner, kind: 'EndpointSlice', object: slice, owner });
    }
  }
  return [...actions, ...removals(mirrors, ports, wantedSlices, input)];
}

function removals(
  mirrors: ReadonlyMap<string, Mirror>,
  ports: ReadonlyMap<string, number>,
  wantedSlices: ReadonlySet<string>,
  input: Pick<PlanInput, 'services' | 'slices'>,
): readonly Action[] {
  const actions: Action[] = [];
  for (const [key, service] of input.services) {
    const mirror = mirrors.get(key);
    const wanted = mirror !== undefined && portsOf(mirror, ports).length > 0;
    if (wanted || !isMirror(service) || service.metadata.deletionTimestamp !== undefined) continue;
    const { name, namespace = '', uid } = service.metadata;
    actions.push({ do: 'delete', key, kind: 'Service', name, namespace, uid });
  }
  for (const [key, slice] of input.slices) {
    if (wantedSlices.has(key) || slice.metadata.deletionTimestamp !== undefined) continue;
    if (!isOurs('EndpointSlice', slice)) continue;
    const { name, namespace = '', uid } = slice.metadata;
    const owner = slice.metadata.labels?.[LABEL_SERVICE_NAME] ?? name;
    actions.push({
      do: 'delete',
      key: `${namespace}/${owner}`,
      kind: 'EndpointSlice',
      name,
      namespace,
      uid,
    });
  }
  return actions;
}

/** The ports of `mirror` that have a listener; those of an exhausted range have none. */
function portsOf(mirror: Mirror, ports: ReadonlyMap<string, number>): readonly ServicePort[] {
  return mirror.ports.flatMap(({ name, port, appProtocol }) => {
    const targetPort = ports.get(portOwner(mirror.key, port));
    if (targetPort === undefined) return [];
    const named = name === '' ? undefined : name;
    return [defined({ name: named, protocol: 'TCP' as const, appProtocol, port, targetPort })];
  });
}

function serviceOf(mirror: Mirror, ports: readonly ServicePort[]): Service {
  const clusters = mirror.clusters.join(',');
  const byPort = mirror.ports.map((port) => [port.name, port.clusters.join(',')] as const);
  const uneven = byPort.some(([, each]) => each !== clusters);
  const annotations = {
    ...mirror.annotations,
    [ANNOTATION_TARGET]: mirror.target,
    [ANNOTATION_CLUSTERS]: clusters,
    ...(uneven ? { [ANNOTATION_PORT_CLUSTERS]: JSON.stringify(Object.fromEntries(byPort)) } : {}),
    ...(mirror.of === GLOBAL || mirror.exportedAt === ''
      ? {}
      : { [ANNOTATION_EXPORTED_AT]: mirror.exportedAt }),
  };
  const labels = {
    ...mirror.labels,
    [LABEL_MANAGED_BY]: MANAGER,
    [LABEL_MIRROR]: mirror.of,
  };
  const spec = { type: 'ClusterIP' as const, ports };
  const applied = createHash('sha256')
    .update(JSON.stringify([sortedEntries(labels), sortedEntries(annotations), spec]))
    .digest('hex')
    .slice(0, 16);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: mirror.name,
      namespace: mirror.namespace,
      labels,
      annotations: { ...annotations, [ANNOTATION_APPLIED]: applied },
    },
    spec,
  };
}

/** Whether `existing` is what was applied last, and nobody changed our part of it since. */
function covers(existing: Service, wanted: Service): boolean {
  return (
    existing.spec.type === wanted.spec.type &&
    hasAll(existing.metadata.labels, wanted.metadata.labels) &&
    hasAll(existing.metadata.annotations, wanted.metadata.annotations) &&
    JSON.stringify(portKeys(existing)) === JSON.stringify(portKeys(wanted))
  );
}

function portKeys(service: Service): readonly string[] {
  return (service.spec.ports ?? [])
    .map((port) =>
      [port.name, port.protocol ?? 'TCP', port.appProtocol, port.port, port.targetPort].join(' '),
    )
    .sort();
}

function sliceOf(
  mirror: Mirror,
  ports: readonly ServicePort[],
  family: 'IPv4' | 'IPv6',
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

function sameSlice(
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
function gatewayEndpoints(slices: readonly EndpointSlice[]) {
  const found: Record<'IPv4' | 'IPv6', Map<string, Endpoint>> = {
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
  const ordered = (family: 'IPv4' | 'IPv6') =>
    [...found[family]]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, endpoint]) => endpoint)
      .slice(0, ENDPOINTS_MAX);
  return { IPv4: ordered('IPv4'), IPv6: ordered('IPv6') };
}

function hasAll(
  have: Readonly<Record<string, string>> | undefined,
  want: Readonly<Record<string, string>> | undefined,
): boolean {
  return Object.entries(want ?? {}).every(([key, value]) => have?.[key] === value);
}

function sortedEntries(map: Readonly<Record<string, string>>): readonly (readonly string[])[] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}
