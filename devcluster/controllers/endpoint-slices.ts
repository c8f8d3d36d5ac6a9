/**
 * EndpointSlices of Services with a selector, following the readiness of their pods.
 *
 * Labels, ownership and conditions as the endpointslice controller of Kubernetes writes them. Foreign slices are
 * never touched.
 */
import { LABEL_SERVICE_NAME, LABEL_SLICE_MANAGER } from '#core/names.ts';
import { matchesSelector } from '../kinds/selectors.ts';
import type { Store } from '../storage/store.ts';
import {
  asNumber,
  asObject,
  asObjects,
  asString,
  at,
  deepEqual,
  isDeleting,
  type Json,
  type JsonObject,
  type KubeObject,
  labelsOf,
  namespaceOf,
} from '../values/json.ts';
import { isReady, type Kit, type Running } from './kit.ts';
import { keyOf, splitKey } from './queue.ts';
import { PODS } from './replica-sets.ts';
import { SLICES, slicesOf } from './service-slices.ts';

/** Where Services are kept. */
export const SERVICES = 'services';
const MANAGER = 'endpointslice-controller.k8s.io';
/** Values of `trafficDistribution` that mean the zone of the client. */
const CLOSE = new Set(['PreferClose', 'PreferSameZone']);
/** Endpoints of one slice, as the controller's default has it. */
const ENDPOINTS_PER_SLICE = 100;

/** Starts the controller. */
export function runEndpointSlices(kit: Kit): Running {
  const queue = kit.queue('endpointslices', (key) => reconcile(kit, key));
  const stops = [
    kit.store.listen(SERVICES, ({ object }) => queue.add(keyOf(object))),
    kit.store.listen(PODS, ({ object, previous }) => {
      for (const service of kit.store.list(SERVICES, namespaceOf(object))) {
        const selector = selectorOf(service);
        if (!selector) continue;
        if (
          matchesSelector(selector, labelsOf(object)) ||
          (previous && matchesSelector(selector, labelsOf(previous)))
        ) {
          queue.add(keyOf(service));
        }
      }
    }),
    kit.store.listen(SLICES, ({ type, object }) => {
      const labels = labelsOf(object);
      const name = labels[LABEL_SERVICE_NAME];
      if (type !== 'ADDED' && labels[LABEL_SLICE_MANAGER] === MANAGER && name !== undefined) {
        queue.add(`${namespaceOf(object)}/${name}`);
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

function selectorOf(service: KubeObject): JsonObject | undefined {
  const matchLabels = asObject(at(service, 'spec', 'selector'));
  return Object.keys(matchLabels).length === 0 ? undefined : { matchLabels };
}

interface Wanted {
  readonly ports: Json[];
  readonly endpoints: Json[];
}

function reconcile(kit: Kit, key: string): void {
  const [namespace, name] = splitKey(key);
  const service = kit.store.get(SERVICES, namespace, name);
  const owned = slicesOf(kit.store, namespace, name).filter(
    (slice) => labelsOf(slice)[LABEL_SLICE_MANAGER] === MANAGER && !isDeleting(slice),
  );
  const selector = service && !isDeleting(service) ? selectorOf(service) : undefined;
  if (!service || !selector || at(service, 'spec', 'type') === 'ExternalName') {
    for (const slice of owned) kit.delete(SLICES, slice);
    return;
  }
  const pods = kit.store
    .list(PODS, namespace)
    .filter((pod) => matchesSelector(selector, labelsOf(pod)));
  const wanted = plan(kit.store, service, pods);
  wanted.forEach((part, index) => {
    const slice = owned[index];
    if (slice) update(kit, service, slice, part);
    else kit.create(SLICES, namespace, sliceOf(kit, service, part));
  });
  for (const extra of owned.slice(wanted.length)) kit.delete(SLICES, extra);
}

/** The slices `service` needs: one per set of ports, {@link ENDPOINTS_PER_SLICE} endpoints each. */
function plan(store: Store, service: KubeObject, pods: readonly KubeObject[]): Wanted[] {
  const groups = new Map<string, { ports: Json[]; endpoints: Json[] }>();
  for (const pod of pods) {
    const address = asString(at(pod, 'status', 'podIP'));
    const phase = at(pod, 'status', 'phase');
    if (address === '' || phase === 'Failed' || phase === 'Succeeded') continue;
    const ports = portsFor(service, pod);
    const id = JSON.stringify(ports);
    const group = groups.get(id) ?? { ports, endpoints: [] };
    groups.set(id, group);
    group.endpoints.push(endpointOf(service, pod, address, zoneOf(store, pod)));
  }
  if (groups.size === 0) return [{ ports: [], endpoints: [] }];
  return [...groups.values()].flatMap(({ ports, endpoints }) =>
    Array.from({ length: Math.ceil(endpoints.length / ENDPOINTS_PER_SLICE) }, (_, index) => ({
      ports,
      endpoints: endpoints.slice(index * ENDPOINTS_PER_SLICE, (index + 1) * ENDPOINTS_PER_SLICE),
    })),
  );
}

/** Ports with named targets resolved in `pod`; a name the pod lacks is left out. */
function portsFor(service: KubeObject, pod: KubeObject): Json[] {
  const found: Json[] = [];
  for (const port of asObjects(at(service, 'spec', 'ports'))) {
    const number = targetPort(port, pod);
    if (number === undefined) continue;
    found.push({
      name: asString(port.name),
      port: number,
      protocol: asString(port.protocol) || 'TCP',
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    });
  }
  return found;
}

/** The number of a Service port in one pod; `undefined` where the pod has none of that name and protocol. */
export function targetPort(port: JsonObject, pod: KubeObject): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target;
  const sidecars = asObjects(at(pod, 'spec', 'initContainers')).filter(
    ({ restartPolicy }) => restartPolicy === 'Always',
  );
  for (const container of [...asObjects(at(pod, 'spec', 'containers')), ...sidecars]) {
    for (const candidate of asObjects(container.ports)) {
      if (candidate.name !== target) continue;
      if ((candidate.protocol ?? 'TCP') === (port.protocol ?? 'TCP')) {
        return asNumber(candidate.containerPort);
      }
    }
  }
  return undefined;
}

/** The zone that the pod's node is labelled with. */
function zoneOf(store: Store, pod: KubeObject): string {
  const node = store.get('nodes', '', asString(at(pod, 'spec', 'nodeName')));
  return (node && labelsOf(node)['topology.kubernetes.io/zone']) ?? '';
}

function endpointOf(
  service: KubeObject,
  pod: KubeObject,
  address: string,
  zone: string,
): JsonObject {
  const serving = isReady(pod);
  const terminating = isDeleting(pod);
  const always = at(service, 'spec', 'publishNotReadyAddresses') === true;
  const hostname = asString(at(pod, 'spec', 'hostname'));
  const named =
    hostname !== '' && at(pod, 'spec', 'subdomain') === service.metadata.name ? { hostname } : {};
  const ready = always || (serving && !terminating);
  const staysClose = CLOSE.has(asString(at(service, 'spec', 'trafficDistribution')));
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...named,
    ...(zone === '' ? {} : { zone }),
    ...(ready && staysClose && zone !== '' ? { hints: { forZones: [{ name: zone }] } } : {}),
    nodeName: at(pod, 'spec', 'nodeName'),
    targetRef: {
      kind: 'Pod',
      namespace: namespaceOf(pod),
      name: pod.metadata.name,
      uid: pod.metadata.uid,
    },
  };
}

function sliceLabels(service: KubeObject): JsonObject {
  const isHeadless = at(service, 'spec', 'clusterIP') === 'None';
  return {
    ...labelsOf(service),
    [LABEL_SLICE_MANAGER]: MANAGER,
    [LABEL_SERVICE_NAME]: service.metadata.name,
    ...(isHeadless ? { 'service.kubernetes.io/headless': '' } : {}),
  };
}

function sliceOf(kit: Kit, service: KubeObject, part: Wanted): JsonObject {
  return {
    metadata: {
      generateName: `${service.metadata.name}-`,
      labels: sliceLabels(service),
      annotations: {
        'endpoints.kubernetes.io/last-change-trigger-time': kit.context.objects.now(),
      },
      ownerReferences: [kit.ownerReference(SERVICES, service)],
    },
    addressType: 'IPv4',
    endpoints: part.endpoints,
    ports: part.ports,
  };
}

function update(kit: Kit, service: KubeObject, slice: KubeObject, part: Wanted): void {
  const labels = sliceLabels(service);
  if (
    deepEqual(slice.endpoints, part.endpoints) &&
    deepEqual(slice.ports, part.ports) &&
    deepEqual(labelsOf(slice), labels)
  ) {
    return;
  }
  const annotations = {
    'endpoints.kubernetes.io/last-change-trigger-time': kit.context.objects.now(),
  };
  kit.modify(SLICES, slice, (live) => ({
    ...live,
    metadata: { ...live.metadata, labels, annotations },
    endpoints: part.endpoints,
    ports: part.ports,
  }));
}
