/**
 * Mirrors → actions: the Service of each mirror and its EndpointSlices, compared with what is there. pure
 */
import { LABEL_SERVICE_NAME } from '#core/names.ts';
import { isMirror } from '#kube/mirror.ts';
import { defined } from '#kube/parse.ts';
import type { ServicePort } from '#kube/types.ts';
import { isOurs } from './foreign.ts';
import type { Action, PlanInput } from './input.ts';
import { covers, hasPorts, serviceOf } from './mirror-service.ts';
import { gatewayEndpoints, sameSlice, sliceOf } from './mirror-slices.ts';
import { FAMILIES, type Mirror } from './mirrors.ts';
import { portOwner } from './ports.ts';

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
    const writes = existing === undefined || !covers(existing, service);
    // A Service that is there, and may be refused what is new of it, does not keep its slices from the gateways.
    const isLast = existing !== undefined && hasPorts(existing, service);
    const own: Action = { do: 'apply', key: mirror.key, kind: 'Service', object: service };
    if (writes && !isLast) actions.push(own);
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
    if (writes && isLast) actions.push(own);
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
