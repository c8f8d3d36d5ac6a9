/**
 * Columns of `kubectl get` for Services and their endpoints. pure
 */
import {
  asNumber,
  asObject,
  asObjects,
  asString,
  asStrings,
  at,
  type JsonObject,
} from '../values/json.ts';
import { AGE, column, NAME, wide } from './column.ts';
import type { Column } from './resources.ts';

function servicePorts(service: JsonObject): string {
  const ports = asObjects(at(service, 'spec', 'ports')).map((port) => {
    const node = port.nodePort === undefined ? '' : `:${asNumber(port.nodePort)}`;
    return `${asNumber(port.port)}${node}/${asString(port.protocol)}`;
  });
  return ports.join(',') || '<none>';
}

/** Of Services. */
export const SERVICE: readonly Column[] = [
  NAME,
  column('Type', (service) => asString(at(service, 'spec', 'type'))),
  column('Cluster-IP', (service) => asString(at(service, 'spec', 'clusterIP')) || '<none>'),
  column('External-IP', (service) => {
    const type = at(service, 'spec', 'type');
    if (type === 'ExternalName') return asString(at(service, 'spec', 'externalName'));
    const ingress = asObjects(at(service, 'status', 'loadBalancer', 'ingress'));
    const external = [
      ...ingress.map((item) => asString(item.ip) || asString(item.hostname)),
      ...asStrings(at(service, 'spec', 'externalIPs')),
    ].join(',');
    return external || (type === 'LoadBalancer' ? '<pending>' : '<none>');
  }),
  column('Port(s)', servicePorts),
  AGE,
  wide('Selector', (service) => {
    const labels = Object.entries(asObject(at(service, 'spec', 'selector')));
    return labels.map(([key, value]) => `${key}=${asString(value)}`).join(',') || '<none>';
  }),
];

function firstFew(items: readonly string[], max: number): string {
  if (items.length === 0) return '<none>';
  const more = items.length > max ? ` + ${items.length - max} more...` : '';
  return items.slice(0, max).join(',') + more;
}

/** Of EndpointSlices. */
export const SLICE: readonly Column[] = [
  NAME,
  column('AddressType', (slice) => asString(slice.addressType)),
  column('Ports', (slice) => {
    const ports = asObjects(slice.ports).map((port) => String(asNumber(port.port)));
    return ports.length === 0 ? '<unset>' : firstFew(ports, 3);
  }),
  column('Endpoints', (slice) => {
    const addresses = asObjects(slice.endpoints).flatMap((item) => asStrings(item.addresses));
    return addresses.length === 0 ? '<unset>' : firstFew(addresses, 3);
  }),
  AGE,
];

/** Of Endpoints. */
export const ENDPOINTS: readonly Column[] = [
  NAME,
  column('Endpoints', (object) => {
    const all = asObjects(object.subsets).flatMap((subset) =>
      asObjects(subset.addresses).flatMap((address) =>
        asObjects(subset.ports).map((port) => `${asString(address.ip)}:${asNumber(port.port)}`),
      ),
    );
    return firstFew(all, 3);
  }),
  AGE,
];
