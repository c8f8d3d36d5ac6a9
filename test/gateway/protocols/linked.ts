/**
 * Two linked gateways in front of the pods, both ways: clients of either cluster reach the pods through
 * the other. Only one of the two dials, so that it is known in which tunnels their requests travel.
 */
import type { CatalogExport } from '#core/catalog.ts';
import { hintOf, localService } from '#gateway/snapshot/services.ts';
import type { ListenerRoute, LocalService, Snapshot } from '#gateway/snapshot/types.ts';
import type { EndpointSlice, Service, ServicePort } from '#kube/types.ts';
import { peerOf, startCluster, type TestCluster, until } from '../world.ts';
import type { Backend } from './backend.ts';
import { allPorts, type Port, type PortName } from './ports.ts';

const NAMESPACE = 'shop';
const SERVICE_PORT = 8080;
const LISTENER_PORT = 10_001;

export interface Linked {
  readonly west: TestCluster;
  readonly east: TestCluster;
  stop(): Promise<void>;
}

/** Where clients of a cluster dial `name`. */
export function listenerPortOf(name: PortName): number {
  return LISTENER_PORT + allPorts.findIndex((each) => each.name === name);
}

/** Links two clusters; those that may not dial know no address of the other. */
export async function startLinked(
  diallers: ReadonlySet<string>,
  backend: Backend,
): Promise<Linked> {
  const west = await startCluster('west');
  const east = await startCluster('east');
  for (const [own, other] of [
    [west, east],
    [east, west],
  ] as const) {
    const visibleExports = new Set(allPorts.map(({ name }) => `${NAMESPACE}/${name}`));
    const addresses = diallers.has(own.name) ? {} : { gateways: [] };
    await own.set({
      ...exports(backend),
      listeners: listeners(other.name),
      peers: new Map([[other.name, peerOf(other, { visibleExports, ...addresses })]]),
    });
  }
  const stop = async () => {
    for (const cluster of [west, east]) {
      // A suspended Link cuts its tunnels: what a failed case left open must not hold up the end.
      const peers = [...cluster.snapshot.peers].map(
        ([name, peer]) => [name, { ...peer, suspended: true }] as const,
      );
      await cluster.set({ peers: new Map(peers), listeners: new Map() });
    }
    await Promise.all([west.stop(), east.stop()]);
  };
  await until('linked', () =>
    allPorts.every(
      ({ name }) =>
        west.gateway.peers.candidate('east', `${NAMESPACE}/${name}`).weight > 0 &&
        east.gateway.peers.candidate('west', `${NAMESPACE}/${name}`).weight > 0,
    ),
  ).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { west, east, stop };
}

function servicePort(name: PortName, port: Port): ServicePort {
  return {
    name,
    port: SERVICE_PORT,
    protocol: 'TCP',
    targetPort: listenerPortOf(name),
    ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
  };
}

function listeners(other: string): Map<number, ListenerRoute> {
  return new Map(
    allPorts.map(({ name, port }) => {
      const listenerPort = listenerPortOf(name);
      return [
        listenerPort,
        {
          listenerPort,
          mirror: `${NAMESPACE}/${name}-global`,
          target: { namespace: NAMESPACE, name, port: SERVICE_PORT },
          hint: hintOf(servicePort(name, port)),
          local: false,
          clusters: [other],
        },
      ];
    }),
  );
}

function exports(backend: Backend): Pick<Snapshot, 'services' | 'exports'> {
  const services = new Map<string, LocalService>();
  const exported = new Map<string, CatalogExport>();
  for (const { name, port } of allPorts) {
    const key = `${NAMESPACE}/${name}`;
    services.set(key, serviceOf(name, port, backend));
    exported.set(key, {
      namespace: NAMESPACE,
      name,
      createdAt: '2026-01-01T00:00:00Z',
      type: 'ClusterSetIP',
      ports: [{ name, port: SERVICE_PORT, protocol: 'TCP' }],
      sessionAffinity: 'None',
      ipFamilies: [],
      exportedLabels: {},
      exportedAnnotations: {},
      readyEndpoints: port.pods.length,
      hostnames: [],
    });
  }
  return { services, exports: exported };
}

/** Made by the code that reads Kubernetes, so that appProtocol means what it means there. */
function serviceOf(name: PortName, port: Port, backend: Backend): LocalService {
  const metadata = { namespace: NAMESPACE, name, resourceVersion: '1', uid: name };
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { ports: [servicePort(name, port)] },
  };
  const slices = port.pods.map(
    (pod): EndpointSlice => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata,
      addressType: 'IPv4',
      endpoints: [{ addresses: ['127.0.0.1'], targetRef: { kind: 'Pod', name: pod } }],
      ports: [{ name, port: backend.pods[pod].port, protocol: 'TCP' }],
    }),
  );
  return localService(service, slices, true, new Set());
}
