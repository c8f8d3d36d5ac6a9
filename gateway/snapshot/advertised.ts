/**
 * Where peers reach this cluster's gateways. pure
 */
import { CATALOG_LIMITS, type CatalogGateway } from '#core/catalog.ts';
import { IsthmusError } from '#core/errors.ts';
import { GATEWAY_EXTERNAL_SERVICE, GATEWAY_PORT, SYSTEM_NAMESPACE } from '#core/names.ts';
import { parseAddress } from '#core/network.ts';
import type { Service } from '#kube/types.ts';

/**
 * Which addresses peers are told: those of the gateway pods (a flat network, embedded clusters), the
 * load balancer's of Service `isthmus-gateway-external`, or a fixed list.
 */
export type Advertise = 'pods' | 'service' | readonly CatalogGateway[];

/** Reads `pods`, `service`, or `host:port,host:port`. Throws `INVALID_CONFIG`. */
export function parseAdvertise(text: string): Advertise {
  if (text === 'pods' || text === 'service') return text;
  return text.split(',').map((each) => {
    const address = parseAddress(each.trim());
    if (address && address.host.length <= CATALOG_LIMITS.hostMax) {
      return toGateway(address.host, address.port);
    }
    throw new IsthmusError(
      'INVALID_CONFIG',
      `advertise is "${text}": expected pods, service, or a list such as 203.0.113.7:4143`,
      { field: 'advertise' },
    );
  });
}

/** The addresses `advertise` stands for; none while a load balancer has no address yet. */
export function advertisedAddresses(
  advertise: Advertise,
  services: Iterable<Service>,
  podAddresses: Iterable<string>,
): readonly CatalogGateway[] {
  if (typeof advertise !== 'string') return advertise;
  if (advertise === 'pods') return [...podAddresses].map((host) => toGateway(host, GATEWAY_PORT));
  const found: CatalogGateway[] = [];
  for (const service of services) {
    const { name, namespace } = service.metadata;
    if (namespace !== SYSTEM_NAMESPACE || name !== GATEWAY_EXTERNAL_SERVICE) continue;
    const port = service.spec.ports?.[0]?.port ?? GATEWAY_PORT;
    for (const { ip, hostname } of service.status?.loadBalancer?.ingress ?? []) {
      const host = ip ?? hostname;
      if (host !== undefined) found.push(toGateway(host, port));
    }
  }
  return found;
}

function toGateway(host: string, port: number): CatalogGateway {
  return { host, port, transport: 'tls' };
}
