/**
 * What the data path knows of the world: one immutable value, swapped whole. pure
 *
 * Compiled from Kubernetes objects by `compile.ts`; nothing in here refers to Kubernetes types, so
 * the balancer, the simulator and the benches can make snapshots of their own.
 */

import type { CatalogExport, CatalogGateway } from '#core/catalog.ts';
import type { TrafficSettings } from './traffic.ts';

/** How bytes of a connection are treated. */
export type ProtocolHint = 'detect' | 'http' | 'opaque';

/** A Service port somewhere in the clusterset. */
export interface Target {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** A port this gateway listens on for a mirror. */
export interface ListenerRoute {
  readonly listenerPort: number;
  /** `namespace/name` of the mirror Service. */
  readonly mirror: string;
  readonly target: Target;
  readonly hint: ProtocolHint;
  /** Whether this cluster's own endpoints serve it too. */
  readonly local: boolean;
  /** The other clusters that serve it. */
  readonly clusters: readonly string[];
  /** What a TrafficPolicy says of it. @default what one of {@link LocalService} says, or the defaults */
  readonly traffic?: TrafficSettings;
}

/** One pod that serves a port. */
export interface LocalEndpoint {
  readonly host: string;
  readonly port: number;
  readonly podName: string | undefined;
  /** Its share of requests beside the others' of its port. @default 1 */
  readonly weight?: number;
}

/** One port of a Service of this cluster, with its ready endpoints. */
export interface LocalPort {
  readonly hint: ProtocolHint;
  /** What the pods speak, by `appProtocol`; undefined where it does not say. */
  readonly protocol: 'http1' | 'http2' | undefined;
  readonly endpoints: readonly LocalEndpoint[];
}

/** A Service of this cluster that a peer or a listener may ask for. */
export interface LocalService {
  readonly namespace: string;
  readonly name: string;
  readonly exported: boolean;
  readonly ports: ReadonlyMap<number, LocalPort>;
  /** What a TrafficPolicy says of it. @default the defaults */
  readonly traffic?: TrafficSettings;
}

/** An address of a peer's gateway. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** A linked cluster. */
export interface Peer {
  readonly linkName: string;
  readonly clusterName: string;
  readonly trustDomain: string;
  /** Whom the Link's spec trusts: another value makes it another link, of which nothing is known. */
  readonly trust: string;
  /** The roots in use: those of the spec, or what the peer announced since. */
  readonly trustBundle: string;
  readonly gateways: readonly PeerAddress[];
  readonly suspended: boolean;
  /** `namespace/name` of the exports this peer may see and call. */
  readonly visibleExports: ReadonlySet<string>;
}

/** Everything the data path knows at one moment. */
export interface Snapshot {
  /** What this cluster exports, to whoever may see it; by `namespace/name`. */
  readonly exports: ReadonlyMap<string, CatalogExport>;
  /** Where peers reach this cluster's gateways. */
  readonly advertised: readonly CatalogGateway[];
  readonly listeners: ReadonlyMap<number, ListenerRoute>;
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, LocalService>;
  /** By cluster name. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** Pod names and addresses of this cluster's gateways, those that leave included. */
  readonly replicas: readonly string[];
  readonly replicaAddresses: ReadonlySet<string>;
  /** Addresses new connections are sent to. */
  readonly readyAddresses: ReadonlySet<string>;
  /** SPIFFE id of the workload behind a source address. */
  readonly callers: ReadonlyMap<string, string>;
}

/** `namespace/name:port`, the form of the target header. */
export function formatTarget(target: Target): string {
  return `${target.namespace}/${target.name}:${target.port}`;
}

/** The inverse of {@link formatTarget}; `undefined` when `text` is not of that form. */
export function parseTarget(text: string): Target | undefined {
  const match = /^([a-z0-9-]{1,63})\/([a-z0-9-]{1,63}):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const [, namespace = '', name = '', port = ''] = match;
  return { namespace, name, port: Number(port) };
}

export const emptySnapshot: Snapshot = {
  exports: new Map(),
  advertised: [],
  listeners: new Map(),
  services: new Map(),
  peers: new Map(),
  replicas: [],
  replicaAddresses: new Set(),
  readyAddresses: new Set(),
  callers: new Map(),
};
