/**
 * The real gateway as one hop before the ten servers: west's, which chooses among its own cluster's endpoints.
 *
 * A mirror of both clusters has a listener that serves local endpoints; east exports the same name with no
 * endpoint, so that nothing ever leaves west. The oracle is the same gateway with the first server alone.
 */
import type { Demo } from '#cli/dev/demo.ts';
import { LABEL_EXPORT } from '#core/names.ts';
import type { Address } from '#core/network.ts';
import type { KubeClient } from '#kube/client.ts';
import { endpointSlices, services } from '#kube/resources/builtin.ts';
import { SERVER_PORT } from './experiment.ts';

const NAMESPACE = 'shop';
const MIRROR_WAIT_MS = 30_000;
const POLL_MS = 20;

/** Puts a Service `name` before `servers`; resolves with where west's gateway listens for it. */
export async function offerService(
  demo: Demo,
  name: string,
  servers: readonly string[],
): Promise<Address> {
  const west = demo.cluster('west');
  await offer(west.client, name, servers);
  await offer(demo.cluster('east').client, name, []);
  const [gateway] = west.gateways;
  const deadlineMs = performance.now() + MIRROR_WAIT_MS;
  while (performance.now() < deadlineMs) {
    const mirror = await west.client.get(services, `${name}-global`, NAMESPACE);
    const port = mirror?.spec.ports?.[0]?.targetPort;
    if (gateway && typeof port === 'number') return { host: gateway.ip, port };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`${name}-global does not appear in west`);
}

async function offer(client: KubeClient, name: string, servers: readonly string[]) {
  const ports = [{ name: 'http', port: SERVER_PORT, protocol: 'TCP' as const }];
  if (servers.length > 0) {
    await client.apply(endpointSlices, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: servers.map((address) => ({
        addresses: [address],
        conditions: { ready: true },
      })),
      ports,
    } as never);
  }
  await client.apply(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: NAMESPACE, labels: { [LABEL_EXPORT]: 'true' } },
    spec: { ports },
  } as never);
}
