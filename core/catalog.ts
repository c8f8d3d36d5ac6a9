/**
 * The catalog: what one cluster tells another about the services it exports. pure
 *
 * It is one stream of JSON lines over the control tunnel: a snapshot, then deltas, then heartbeats
 * whenever nothing else was sent for a while. A lost stream means a fresh snapshot. Unknown fields
 * and unknown kinds are ignored, so that adjacent releases can always talk.
 */
import { z } from 'zod';
import { isLabelName } from './names.ts';

/** Bounds on what a peer may send; a peer beyond them is cut off, not trusted. */
export const CATALOG_LIMITS = {
  lineBytesMax: 4 * 1024 * 1024,
  exportsMax: 10_000,
  portsMax: 128,
  metadataMax: 64,
  hostnamesMax: 1_000,
  gatewaysMax: 64,
} as const;

/** A catalog heartbeat is due whenever nothing was sent for this long. */
export const CATALOG_HEARTBEAT_MS = 1_000;

const label = z.string().refine(isLabelName, 'must be an RFC 1123 label');
const metadata = z.record(z.string().max(317), z.string().max(4_096)).default({});

const catalogPort = z.object({
  name: z.string().max(63).default(''),
  port: z.int().min(1).max(65_535),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  appProtocol: z.string().max(255).optional(),
});

/** One exported service, with everything a ServiceImport needs (KEP-1645) and its health. */
export const catalogExport = z.object({
  namespace: label,
  name: label,
  /** `metadata.creationTimestamp` of the ServiceExport, as its own API server wrote it. */
  createdAt: z.string().max(40),
  type: z.enum(['ClusterSetIP', 'Headless']).default('ClusterSetIP'),
  ports: z.array(catalogPort).max(CATALOG_LIMITS.portsMax),
  sessionAffinity: z.enum(['None', 'ClientIP']).default('None'),
  sessionAffinityTimeoutSeconds: z.int().min(0).optional(),
  ipFamilies: z
    .array(z.enum(['IPv4', 'IPv6']))
    .max(2)
    .default([]),
  internalTrafficPolicy: z.string().max(63).optional(),
  trafficDistribution: z.string().max(63).optional(),
  exportedLabels: metadata,
  exportedAnnotations: metadata,
  /** Endpoints ready to serve, and those serving while they terminate not counted. */
  readyEndpoints: z.int().min(0),
  /** Sends requests away itself, for its own endpoints cannot do more: nobody is to spill onto it. */
  spilling: z.boolean().optional(),
  /** For headless services: the host names of ready endpoints. */
  hostnames: z.array(label).max(CATALOG_LIMITS.hostnamesMax).default([]),
});

/** One address a gateway of the peer can be dialled at. */
export const catalogGateway = z.object({
  host: z.string().min(1).max(253),
  port: z.int().min(1).max(65_535),
  transport: z.enum(['tls', 'websocket']).default('tls'),
});

/** What the cluster says of itself: where it is reached and which roots it signs with. */
export const catalogCluster = z.object({
  name: label,
  version: z.string().max(64),
  /** PEM, the whole bundle. */
  trustBundle: z.string().max(64 * 1024),
  gateways: z.array(catalogGateway).max(CATALOG_LIMITS.gatewaysMax).default([]),
});

/**
 * The state the message was built from. `epoch` names one life of the far snapshot; `revision` only
 * grows within it, and an older one is ignored. `resourceVersions` are for people who debug.
 */
const position = z.object({
  epoch: z.string().max(64),
  revision: z.int().min(0),
  resourceVersions: z.record(z.string().max(64), z.string().max(64)).default({}),
});

const snapshotMessage = z.object({
  kind: z.literal('snapshot'),
  position,
  cluster: catalogCluster,
  exports: z.array(catalogExport).max(CATALOG_LIMITS.exportsMax),
});

const deltaMessage = z.object({
  kind: z.literal('delta'),
  position,
  cluster: catalogCluster.optional(),
  changed: z.array(catalogExport).max(CATALOG_LIMITS.exportsMax).default([]),
  /** `namespace/name` of exports that are gone. */
  removed: z.array(z.string().max(127)).max(CATALOG_LIMITS.exportsMax).default([]),
});

const heartbeatMessage = z.object({ kind: z.literal('heartbeat'), position });

const knownMessage = z.discriminatedUnion('kind', [
  snapshotMessage,
  deltaMessage,
  heartbeatMessage,
]);
const anyMessage = z.object({ kind: z.string().max(64) });

export type CatalogPort = z.infer<typeof catalogPort>;
export type CatalogExport = z.infer<typeof catalogExport>;
export type CatalogGateway = z.infer<typeof catalogGateway>;
export type CatalogCluster = z.infer<typeof catalogCluster>;
export type CatalogPosition = z.infer<typeof position>;
export type CatalogMessage = z.infer<typeof knownMessage>;

/** The whole of what a cluster exports at one moment, by `namespace/name`. */
export interface Catalog {
  readonly position: CatalogPosition;
  readonly cluster: CatalogCluster;
  readonly exports: ReadonlyMap<string, CatalogExport>;
}

/** `namespace/name`, the key of an export in a catalog. */
export function exportKey(of: { readonly namespace: string; readonly name: string }): string {
  return `${of.namespace}/${of.name}`;
}

/**
 * Reads one line. `undefined` for a kind this release does not know; throws a ZodError or
 * SyntaxError for a line that is not a valid message.
 */
export function parseCatalogMessage(line: string): CatalogMessage | undefined {
  const value: unknown = JSON.parse(line);
  const { kind } = anyMessage.parse(value);
  if (kind !== 'snapshot' && kind !== 'delta' && kind !== 'heartbeat') return undefined;
  return knownMessage.parse(value);
}

/**
 * The catalog after `message`. A message older than what is known (same epoch, lower revision)
 * changes nothing; a delta or heartbeat without the snapshot of its epoch is `undefined`: the caller
 * must ask for a fresh snapshot.
 */
export function applyCatalogMessage(
  known: Catalog | undefined,
  message: CatalogMessage,
): Catalog | undefined {
  if (message.kind === 'snapshot') {
    if (known && isOlder(message.position, known.position)) return known;
    const exports = new Map(message.exports.map((each) => [exportKey(each), each]));
    return { position: message.position, cluster: message.cluster, exports };
  }
  if (known?.position.epoch !== message.position.epoch) return undefined;
  if (message.kind === 'heartbeat' || isOlder(message.position, known.position)) return known;
  const exports = new Map(known.exports);
  for (const key of message.removed) exports.delete(key);
  for (const each of message.changed) exports.set(exportKey(each), each);
  if (exports.size > CATALOG_LIMITS.exportsMax) return undefined;
  return { position: message.position, cluster: message.cluster ?? known.cluster, exports };
}

function isOlder(message: CatalogPosition, known: CatalogPosition): boolean {
  return message.epoch === known.epoch && message.revision < known.revision;
}
