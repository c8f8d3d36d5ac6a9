/**
 * Endpoints of Services with a selector, for clients that still read them (`kubectl describe service`).
 *
 * Written from the EndpointSlices of this cluster's own controller, so that the two cannot disagree.
 */
import { LABEL_SERVICE_NAME, LABEL_SLICE_MANAGER } from '#core/names.ts';
import {
  asNumber,
  asObjects,
  asStrings,
  at,
  deepEqual,
  type Json,
  type JsonObject,
  type KubeObject,
  labelsOf,
  namespaceOf,
} from '../values/json.ts';
import { SERVICES } from './endpoint-slices.ts';
import type { Kit, Running } from './kit.ts';
import { keyOf, splitKey } from './queue.ts';
import { SLICES, slicesOf } from './service-slices.ts';

/** Where Endpoints are kept. */
export const ENDPOINTS = 'endpoints';
/** On Endpoints that slices were there for before. */
export const SKIP_MIRROR = 'endpointslice.kubernetes.io/skip-mirror';

/** Starts the controller. */
export function runEndpoints(kit: Kit): Running {
  const queue = kit.queue('endpoints', (key) => reconcile(kit, key));
  const stops = [
    kit.store.listen(SERVICES, ({ type, object }) => {
      if (type !== 'MODIFIED') queue.add(keyOf(object));
    }),
    kit.store.listen(SLICES, ({ object }) => {
      const labels = labelsOf(object);
      if (labels[LABEL_SLICE_MANAGER] === 'endpointslice-controller.k8s.io') {
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

function reconcile(kit: Kit, key: string): void {
  const [namespace, name] = splitKey(key);
  const service = kit.store.get(SERVICES, namespace, name);
  const live = kit.store.get(ENDPOINTS, namespace, name);
  if (!service || Object.keys(at(service, 'spec', 'selector') ?? {}).length === 0) {
    if (live && !service) kit.delete(ENDPOINTS, live);
    return;
  }
  const subsets = slicesOf(kit.store, namespace, name).flatMap(subsetOf);
  if (!live) {
    const labels = {
      'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
      [SKIP_MIRROR]: 'true',
    };
    kit.create(ENDPOINTS, namespace, { metadata: { name, labels }, subsets });
  } else if (!deepEqual(live.subsets, subsets)) {
    kit.modify(ENDPOINTS, live, (object) => ({ ...object, subsets }));
  }
}

function subsetOf(slice: KubeObject): JsonObject[] {
  const ready: Json[] = [];
  const notReady: Json[] = [];
  for (const endpoint of asObjects(slice.endpoints)) {
    if (at(endpoint, 'conditions', 'terminating') === true) continue;
    const list = at(endpoint, 'conditions', 'ready') === false ? notReady : ready;
    for (const ip of asStrings(endpoint.addresses)) {
      list.push({ ip, nodeName: endpoint.nodeName, targetRef: endpoint.targetRef });
    }
  }
  if (ready.length + notReady.length === 0) return [];
  const ports = asObjects(slice.ports).map((port) => ({
    ...(port.name === '' ? {} : { name: port.name }),
    port: asNumber(port.port),
    protocol: port.protocol,
  }));
  return [
    {
      ...(ready.length > 0 ? { addresses: ready } : {}),
      ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
      ports,
    },
  ];
}
