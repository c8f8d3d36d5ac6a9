/**
 * Which endpoint a new connection goes to. pure
 *
 * The rules of kube-proxy: a random ready endpoint of all EndpointSlices of the Service, whoever manages
 * them; where none is ready, one that is serving though terminating (KEP-1669).
 */
import type { Address } from '#core/network.ts';
import { below, type Random } from '#core/random.ts';
import { asNumber, asObjects, asString, asStrings, at, type KubeObject } from '../values/json.ts';

/** The endpoints of one Service port. */
export interface Candidates {
  readonly ready: readonly Address[];
  readonly fallback: readonly Address[];
}

/** The candidates for port `portName` in `slices`. */
export function candidates(slices: readonly KubeObject[], portName: string): Candidates {
  const ready = new Map<string, Address>();
  const fallback = new Map<string, Address>();
  for (const slice of slices) {
    const found = asObjects(slice.ports).find(
      (port) => asString(port.name) === portName && (port.protocol ?? 'TCP') === 'TCP',
    );
    const port = asNumber(found?.port);
    if (port === 0) continue;
    for (const endpoint of asObjects(slice.endpoints)) {
      const isReady = at(endpoint, 'conditions', 'ready') !== false;
      const isServing = at(endpoint, 'conditions', 'serving') !== false;
      const isTerminating = at(endpoint, 'conditions', 'terminating') === true;
      const [host] = asStrings(endpoint.addresses);
      if (host === undefined) continue;
      if (isReady) ready.set(`${host}:${port}`, { host, port });
      else if (isServing && isTerminating) fallback.set(`${host}:${port}`, { host, port });
    }
  }
  return { ready: [...ready.values()], fallback: [...fallback.values()] };
}

/** One of `from` at random; `undefined` when there is none. */
export function pick(from: Candidates, random: Random): Address | undefined {
  const pool = from.ready.length > 0 ? from.ready : from.fallback;
  return pool.length === 0 ? undefined : pool[below(random, pool.length)];
}
