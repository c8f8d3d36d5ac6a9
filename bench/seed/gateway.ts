/**
 * The real gateway as one hop before the ten servers: west's, which chooses among its own cluster's endpoints.
 *
 * A mirror of both clusters has a listener that serves local endpoints; east exports the same name with no
 * endpoint, so that nothing ever leaves west. The oracle is the same gateway with the first server alone.
 */
import type { Demo } from '#cli/dev/demo.ts';
import type { Address } from '#core/network.ts';
import { services } from '#kube/resources/builtin.ts';
import { NAMESPACE, offer } from '../kit/offer.ts';
import { SERVER_PORT } from './experiment.ts';

const PORTS = { http: SERVER_PORT };
const MIRROR_WAIT_MS = 30_000;
const POLL_MS = 20;

/** Puts a Service `name` before `servers`; resolves with where west's gateway listens for it. */
export async function offerService(
  demo: Demo,
  name: string,
  servers: readonly string[],
): Promise<Address> {
  const west = demo.cluster('west');
  await offer(west.client, name, servers, PORTS);
  await offer(demo.cluster('east').client, name, [], PORTS);
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
