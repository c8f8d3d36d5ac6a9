/**
 * EndpointSlices of Endpoints that somebody keeps by hand, for a Service without a selector.
 *
 * After pkg/controller/endpointslicemirroring of Kubernetes: whoever reads slices alone, as gateways and proxies do, finds
 * what was written as Endpoints.
 */

import { isIPv6 } from 'node:net';
import { LABEL_SERVICE_NAME, LABEL_SLICE_MANAGER } from '#core/names.ts';
import {
  asObject,
  asObjects,
  asString,
  at,
  deepEqual,
  isDeleting,
  type JsonObject,
  type KubeObject,
  labelsOf,
  namespaceOf,
} from '../values/json.ts';
import { SERVICES } from './endpoint-slices.ts';
import { ENDPOINTS, SKIP_MIRROR } from './endpoints.ts';
import type { Kit, Running } from './kit.ts';
import { keyOf, splitKey } from './queue.ts';
import { SLICES, slicesOf } from './service-slices.ts';

const MANAGER = 'endpointslicemirroring-controller.k8s.io';

/** Starts the controller. */
export function runEndpointMirror(kit: Kit): Running {
  const queue = kit.queue('endpointmirror', (key) => reconcile(kit, key));
  const stops = [
    kit.store.listen(ENDPOINTS, ({ object }) => queue.add(keyOf(object))),
    kit.store.listen(SERVICES, ({ object }) => queue.add(keyOf(object))),
    kit.store.listen(SLICES, ({ type, object }) => {
      const labels = labelsOf(object);
      if (type !== 'ADDED' && labels[LABEL_SLICE_MANAGER] === MANAGER) {
        queue.add(`${namespaceOf(object)}/${labels[LABEL_SERVICE_NAME] ?? ''}`);
      }
    }),
  ];
  return {
    close() {
      for (const stop of stops) stop();
      queue.close();
    },
  };
}

interface Wanted extends JsonObject {
  addressType: string;
  ports: JsonObject[];
  endpoints: JsonObject[];
}

function reconcile(kit: Kit, key: string): void {
  const [namespace, name] = splitKey(key);
  const owned = slicesOf(kit.store, namespace, name).filter(
    (slice) => labelsOf(slice)[LABEL_SLICE_MANAGER] === MANAGER && !isDeleting(slice),
  );
  const endpoints = kit.store.get(ENDPOINTS, namespace, name);
  const service = kit.store.get(SERVICES, namespace, name);
  const wanted = endpoints && isMirrored(endpoints, service) ? plan(endpoints) : [];
  if (endpoints) {
    const labels = {
      ...labelsOf(endpoints),
      [LABEL_SLICE_MANAGER]: MANAGER,
      [LABEL_SERVICE_NAME]: name,
    };
    const ownerReferences = [kit.ownerReference(ENDPOINTS, endpoints)];
    for (const part of wanted) {
      // The family of a slice never changes, so each follows one of its own family.
      const index = owned.findIndex((slice) => slice.addressType === part.addressType);
      const [slice] = index < 0 ? [] : owned.splice(index, 1);
      if (slice) update(kit, slice, part, labels);
      else {
        const metadata = { generateName: `${name}-`, labels, ownerReferences };
        kit.create(SLICES, namespace, { ...part, metadata });
      }
    }
  }
  for (const extra of owned) kit.delete(SLICES, extra);
}

function isMirrored(endpoints: KubeObject, service: KubeObject | undefined): boolean {
  return (
    service !== undefined &&
    !isDeleting(service) &&
    at(service, 'spec', 'selector') === undefined &&
    labelsOf(endpoints)[SKIP_MIRROR] !== 'true'
  );
}

/** One slice for each set of ports and family of addresses. */
function plan(endpoints: KubeObject): Wanted[] {
  const groups = new Map<string, Wanted>();
  for (const subset of asObjects(endpoints.subsets)) {
    const ports = asObjects(subset.ports).map(({ name, port, protocol, appProtocol }) => ({
      name: name ?? '',
      port,
      protocol: protocol ?? 'TCP',
      ...(appProtocol === undefined ? {} : { appProtocol }),
    }));
    for (const [key, ready] of [
      ['addresses', true],
      ['notReadyAddresses', false],
    ] as const) {
      for (const { ip, hostname, nodeName, targetRef } of asObjects(subset[key])) {
        const address = asString(ip);
        const addressType = isIPv6(address) ? 'IPv6' : 'IPv4';
        const id = JSON.stringify([addressType, ports]);
        const group: Wanted = groups.get(id) ?? { addressType, ports, endpoints: [] };
        groups.set(id, group);
        const known = Object.entries({ hostname, nodeName, targetRef }).filter(
          ([, value]) => value,
        );
        group.endpoints.push({
          addresses: [address],
          conditions: { ready },
          ...asObject(Object.fromEntries(known)),
        });
      }
    }
  }
  return [...groups.values()];
}

function update(kit: Kit, slice: KubeObject, part: Wanted, labels: JsonObject): void {
  const isSame =
    deepEqual(slice.endpoints, part.endpoints) &&
    deepEqual(slice.ports, part.ports) &&
    deepEqual(labelsOf(slice), labels);
  if (isSame) return;
  const { endpoints, ports } = part;
  const change = (live: KubeObject) => ({
    ...live,
    metadata: { ...live.metadata, labels },
    endpoints,
    ports,
  });
  kit.modify(SLICES, slice, change);
}
