/** Exported Services of a bench: without a selector, with endpoints that the bench itself runs. */
import { LABEL_EXPORT, LABEL_SERVICE_NAME } from '#core/names.ts';
import type { KubeClient } from '#kube/client.ts';
import { endpointSlices, services } from '#kube/resources/builtin.ts';

/** Namespace of the sample, which both clusters have. */
export const NAMESPACE = 'shop';

/** Ports of a Service and its endpoints, by name. No `appProtocol`: gateways find out what is spoken, as by default. */
export type Ports = Readonly<Record<string, number>>;

/** Makes `name` an exported Service whose ready endpoints are `hosts`. */
export async function offer(
  client: KubeClient,
  name: string,
  hosts: readonly string[],
  ports: Ports,
): Promise<void> {
  await announce(client, name, hosts, ports);
  await client.apply(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: NAMESPACE, labels: { [LABEL_EXPORT]: 'true' } },
    spec: { ports: portList(ports) },
  } as never);
}

/** `name` has ready endpoints at `hosts` from now on, and nowhere else. */
export async function announce(
  client: KubeClient,
  name: string,
  hosts: readonly string[],
  ports: Ports,
): Promise<void> {
  await client.apply(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: NAMESPACE, labels: { [LABEL_SERVICE_NAME]: name } },
    addressType: 'IPv4',
    endpoints: hosts.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: portList(ports),
  } as never);
}

function portList(ports: Ports) {
  return Object.entries(ports).map(([name, port]) => ({ name, port, protocol: 'TCP' as const }));
}
