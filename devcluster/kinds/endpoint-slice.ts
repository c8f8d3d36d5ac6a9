/**
 * EndpointSlices: defaults and validation. pure
 *
 * Rules of k8s.io/kubernetes/pkg/apis/discovery/validation, with one exemption: loopback addresses are
 * allowed, because pods of an embedded cluster live on them.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { asList, asObjects, asString, type KubeObject } from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import { isAddress, specialProblem } from './addresses.ts';
import { nameProblem } from './names.ts';
import type { Rules } from './resources.ts';

const TYPES = ['FQDN', 'IPv4', 'IPv6'];
/** Endpoints and ports of one slice, as in the real server. */
const ENDPOINTS_MAX = 1_000;
const PORTS_MAX = 20_000;

/** Rules of EndpointSlices. */
export const endpointSliceRules: Rules = {
  hasGeneration: true,
  defaults: (slice) => ({
    ...slice,
    endpoints: slice.endpoints ?? [],
    ports: asObjects(slice.ports).map((port) => ({
      ...port,
      name: port.name ?? '',
      protocol: port.protocol ?? 'TCP',
    })),
  }),
  validate: checkSlice,
};

function checkSlice(slice: KubeObject, previous: KubeObject | undefined): Cause[] {
  const causes: Cause[] = [];
  const type = asString(slice.addressType);
  if (type === '') causes.push(fieldError.required('addressType'));
  else if (!TYPES.includes(type)) {
    causes.push(fieldError.unsupported('addressType', type, TYPES));
  }
  if (previous && previous.addressType !== type) {
    causes.push(fieldError.invalid('addressType', type, 'field is immutable'));
  }
  const endpoints = asObjects(slice.endpoints);
  if (endpoints.length > ENDPOINTS_MAX) {
    causes.push(tooMany('endpoints', endpoints.length, ENDPOINTS_MAX));
  }
  endpoints.forEach((endpoint, index) => {
    const path = `endpoints[${index}]`;
    const addresses = asList(endpoint.addresses);
    if (addresses.length === 0) {
      causes.push(fieldError.required(`${path}.addresses`, 'must contain at least 1 address'));
    }
    if (addresses.length > 100) causes.push(tooMany(`${path}.addresses`, addresses.length, 100));
    addresses.forEach((address, at) => {
      causes.push(...checkAddress(asString(address), type, `${path}.addresses[${at}]`));
    });
    const hostname = endpoint.hostname;
    const problem = hostname === undefined ? undefined : nameProblem(asString(hostname), 'label');
    if (problem) causes.push(fieldError.invalid(`${path}.hostname`, hostname, problem));
  });
  const ports = asObjects(slice.ports);
  if (ports.length > PORTS_MAX) causes.push(tooMany('ports', ports.length, PORTS_MAX));
  const names = new Set<string>();
  ports.forEach((port, index) => {
    const name = asString(port.name);
    if (names.has(name)) causes.push(fieldError.duplicate(`ports[${index}].name`, name));
    names.add(name);
    const problem = name === '' ? undefined : nameProblem(name, 'label');
    if (problem) causes.push(fieldError.invalid(`ports[${index}].name`, name, problem));
    const number = port.port;
    if (typeof number === 'number' && (number < 1 || number > 65_535)) {
      const why = 'must be between 1 and 65535, inclusive';
      causes.push(fieldError.invalid(`ports[${index}].port`, number, why));
    }
    if (!['SCTP', 'TCP', 'UDP'].includes(asString(port.protocol))) {
      const all = ['SCTP', 'TCP', 'UDP'];
      causes.push(fieldError.unsupported(`ports[${index}].protocol`, port.protocol ?? '', all));
    }
  });
  return causes;
}

function checkAddress(address: string, type: string, path: string): Cause[] {
  if (type === 'IPv4' && !isIPv4(address)) {
    return [fieldError.invalid(path, address, 'must be a valid IPv4 address')];
  }
  if (type === 'IPv6' && !(isIPv6(address) && isAddress(address))) {
    return [fieldError.invalid(path, address, 'must be a valid IPv6 address')];
  }
  if (type === 'FQDN') {
    const problem = nameProblem(address, 'subdomain');
    return problem ? [fieldError.invalid(path, address, problem)] : [];
  }
  const problem = specialProblem(address, true);
  return problem ? [fieldError.invalid(path, address, problem)] : [];
}

function tooMany(field: string, actual: number, max: number): Cause {
  return {
    reason: 'FieldValueTooMany',
    field,
    message: `Too many: ${actual}: must have at most ${max} items`,
  };
}

/** Rules of Endpoints, after ValidateEndpoints in pkg/apis/core/validation, loopback addresses apart. */
export const endpointsRules: Rules = {
  defaults: (endpoints) =>
    endpoints.subsets === undefined
      ? endpoints
      : {
          ...endpoints,
          subsets: asObjects(endpoints.subsets).map((subset) =>
            subset.ports === undefined
              ? subset
              : {
                  ...subset,
                  ports: asObjects(subset.ports).map((port) => ({
                    ...port,
                    protocol: port.protocol ?? 'TCP',
                  })),
                },
          ),
        },
  validate: (endpoints) =>
    asObjects(endpoints.subsets).flatMap((subset, index) => {
      const path = `subsets[${index}]`;
      const lists = ['addresses', 'notReadyAddresses'];
      if (lists.every((key) => asList(subset[key]).length === 0)) {
        const why = 'must specify `addresses` or `notReadyAddresses`';
        return [fieldError.required(path, why)];
      }
      return lists.flatMap((key) =>
        asObjects(subset[key]).flatMap(({ ip }, at) => {
          const address = asString(ip);
          const type = address.includes(':') ? 'IPv6' : 'IPv4';
          return checkAddress(address, type, `${path}.${key}[${at}].ip`);
        }),
      );
    }),
};
