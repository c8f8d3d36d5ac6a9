/**
 * The catalog: what one cluster tells another about the services it exports. pure
 *
 * It is one stream of JSON lines over the control tunnel: a snapshot, then deltas, then heartbeats
 * whenever nothing else was sent for a while. A lost stream means a fresh snapshot. Unknown fields
 * and unknown kinds are ignored, so that adjacent releases can always talk. A single export that cannot be
 * used is left out and told of; it costs the peer nothing else.
 */
import { z } from 'zod';
import { travellingAnnotations, travellingLabels } from './metadata.ts';
import { isLabelName, isQualifiedName, quotable } from './names.ts';

/** Bounds on what a peer may send; a peer beyond them is cut off, not trusted. */
export const CATALOG_LIMITS = {
  lineBytesMax: 4 * 1024 * 1024,
  exportsMax: 10_000,
  /** Of all exports of a peer together, as {@link charactersOf} counts. */
  charactersMax: 8 * 1024 * 1024,
  portsMax: 128,
  appProtocolMax: 255,
  hostnamesMax: 1_000,
  gatewaysMax: 64,
  hostMax: 253,
  /** Exports that are left out and known by name. */
  leftOutMax: 64,
} as const;

/** A catalog heartbeat is due whenever nothing was sent for this long. */
export const CATALOG_HEARTBEAT_MS = 1_000;

const label = z.string().refine(isLabelName, 'must be an RFC 1123 label');
const metadata = z.record(z.string(), z.string()).default({});
/** Longest of what is said of an export that is left out. */
const WHY_MAX = 300;
const KEY_MAX = 127;

const catalogPort = z.object({
  name: z
    .string()
    .refine((name) => name === '' || isLabelName(name), 'must be an RFC 1123 label')
    .default(''),
  port: z.int().min(1).max(65_535),
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  appProtocol: z
    .string()
    .max(CATALOG_LIMITS.appProtocolMax)
    .refine(isQualifiedName, 'must be a qualified name')
    .optional(),
});

/** One exported service, with everything a ServiceImport needs (KEP-1645) and its health. */
export const catalogExport = z.object({
  namespace: label,
  name: label,
  /** `metadata.creationTimestamp` of the ServiceExport; empty where that is no time. */
  createdAt: z.string().transform((text) => (Number.isNaN(timeOf(text)) ? '' : text)),
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
  exportedLabels: metadata.transform((all) => travellingLabels(all).kept),
  exportedAnnotations: metadata.transform((all) => travellingAnnotations(all).kept),
  /** Endpoints ready to serve, and those serving while they terminate not counted. */
  readyEndpoints: z.int().min(0),
  /** Sends requests away itself, for its own endpoints cannot do more: nobody is to spill onto it. */
  spilling: z.boolean().optional(),
  /** For headless services: the host names of ready endpoints. */
  hostnames: z.array(label).max(CATALOG_LIMITS.hostnamesMax).default([]),
});

/** One address a gateway of the peer can be dialled at. */
export const catalogGateway = z.object({
  host: z.string().min(1).max(CATALOG_LIMITS.hostMax),
  port: z.int().min(1).max(65_535),
  transport: z.enum(['tls', 'websocket']).default('tls'),
});

/** What the cluster says of itself: where it is reached and which roots it signs with. */
export const catalogCluster = z.object({
  name: label,
  /** Fit for a status and a terminal. */
  version: z
    .string()
    .max(64)
    .transform((text) => quotable(text, 64)),
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

/** Exports are read one by one, so that one which is not valid is no reason to refuse the others. */
const exportList = z.array(z.unknown()).max(CATALOG_LIMITS.exportsMax);
/** By `namespace/name`: exports that the teller knows of and cannot use, and why. */
const leftOut = z.record(z.string().max(KEY_MAX), z.string().max(WHY_MAX)).default({});
/** What follows belongs to this message; until it has come, what was known before stays in force. */
const more = z.boolean().optional();

const snapshotMessage = z.object({
  kind: z.literal('snapshot'),
  position,
  cluster: catalogCluster,
  exports: exportList,
  leftOut,
  more,
});

const deltaMessage = z.object({
  kind: z.literal('delta'),
  position,
  cluster: catalogCluster.optional(),
  changed: exportList.default([]),
  /** `namespace/name` of exports that are gone, or are left out no more. */
  removed: z.array(z.string().max(KEY_MAX)).max(CATALOG_LIMITS.exportsMax).default([]),
  leftOut,
  more,
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
export type CatalogSnapshot = Omit<z.infer<typeof snapshotMessage>, 'exports'> & {
  readonly exports: readonly CatalogExport[];
};
export type CatalogDelta = Omit<z.infer<typeof deltaMessage>, 'changed'> & {
  readonly changed: readonly CatalogExport[];
};
export type CatalogMessage = CatalogSnapshot | CatalogDelta | z.infer<typeof heartbeatMessage>;

/** The whole of what a cluster exports at one moment, by `namespace/name`. */
export interface Catalog {
  readonly position: CatalogPosition;
  readonly cluster: CatalogCluster;
  readonly exports: ReadonlyMap<string, CatalogExport>;
  /** By `namespace/name`: exports that cannot be used and why; of many only some. @default none */
  readonly leftOut?: ReadonlyMap<string, string>;
  /** Whether a part of it is still to come; until then what was known before is in force. @default false */
  readonly incomplete?: boolean;
}

/** `namespace/name`, the key of an export in a catalog. */
export function exportKey(of: { readonly namespace: string; readonly name: string }): string {
  return `${of.namespace}/${of.name}`;
}

/** What an export, and a port of it, takes beside what is counted by its length. */
const EXPORT_CHARACTERS = 400;
const PORT_CHARACTERS = 60;

/** About how many characters of JSON an export takes. Cheap, for it is asked of every export at every change. */
function charactersOf(one: CatalogExport): number {
  let sum = EXPORT_CHARACTERS + PORT_CHARACTERS * one.ports.length;
  for (const { name, appProtocol = '' } of one.ports) sum += name.length + appProtocol.length;
  for (const entries of [one.exportedLabels, one.exportedAnnotations]) {
    for (const key in entries) sum += key.length + (entries[key]?.length ?? 0);
  }
  for (const host of one.hostnames) sum += host.length;
  return sum;
}

/** How many of `exports`, from the first on, one catalog has room for. */
export function countFitting(exports: Iterable<CatalogExport>): number {
  let [count, characters] = [0, 0];
  for (const each of exports) {
    characters += charactersOf(each);
    if (count >= CATALOG_LIMITS.exportsMax || characters > CATALOG_LIMITS.charactersMax) break;
    count += 1;
  }
  return count;
}

/** Milliseconds since 1970 of an RFC 3339 time; NaN where it is none. */
export function timeOf(text: string): number {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
  return form.test(text) ? Date.parse(text) : Number.NaN;
}

/**
 * Reads one line. `undefined` for a kind this release does not know; throws a ZodError or
 * SyntaxError for a line that is not a valid message. Exports that are not valid stand in its `leftOut`.
 */
export function parseCatalogMessage(line: string): CatalogMessage | undefined {
  const value: unknown = JSON.parse(line);
  const { kind } = anyMessage.parse(value);
  if (kind !== 'snapshot' && kind !== 'delta' && kind !== 'heartbeat') return undefined;
  const message = knownMessage.parse(value);
  if (message.kind === 'heartbeat') return message;
  const { exports, refused } = readExports(
    message.kind === 'snapshot' ? message.exports : message.changed,
  );
  const whole = { ...message, leftOut: { ...message.leftOut, ...refused } };
  return whole.kind === 'snapshot' ? { ...whole, exports } : { ...whole, changed: exports };
}

function readExports(values: readonly unknown[]) {
  const exports: CatalogExport[] = [];
  const refused: [string, string][] = [];
  for (const value of values) {
    const read = catalogExport.safeParse(value);
    if (read.success) exports.push(read.data);
    else refused.push([supposedKey(value), why(read.error)]);
  }
  return { exports, refused: Object.fromEntries(refused) };
}

function why({ issues: [first] }: z.ZodError): string {
  const path = first?.path.join('.') || 'the export';
  return quotable(`${path}: ${first?.message ?? 'not valid'}`, WHY_MAX);
}

const named = z.object({ namespace: z.string(), name: z.string() });

/** What an export that is not valid calls itself. */
function supposedKey(value: unknown): string {
  const read = named.safeParse(value);
  return quotable(read.success ? exportKey(read.data) : 'an export without a name', KEY_MAX);
}

/**
 * The catalog after `message`. A message older than what is known (same epoch, lower revision)
 * changes nothing; a delta or heartbeat without the snapshot of its epoch is `undefined`: the caller
 * must ask for a fresh snapshot. One that is `incomplete` is not to be used yet.
 */
export function applyCatalogMessage(
  known: Catalog | undefined,
  message: CatalogMessage,
): Catalog | undefined {
  if (message.kind === 'snapshot') {
    if (known && !known.incomplete && isOlder(message.position, known.position)) return known;
    const exports = new Map(message.exports.map((each) => [exportKey(each), each]));
    return catalogOf(message, message.cluster, exports, new Map());
  }
  if (known?.position.epoch !== message.position.epoch) return undefined;
  if (message.kind === 'heartbeat' || isOlder(message.position, known.position)) return known;
  const exports = new Map(known.exports);
  const left = new Map(known.leftOut);
  for (const key of [...message.removed, ...Object.keys(message.leftOut)]) {
    exports.delete(key);
    left.delete(key);
  }
  for (const each of message.changed) {
    exports.set(exportKey(each), each);
    left.delete(exportKey(each));
  }
  if (countFitting(exports.values()) < exports.size) return undefined;
  return catalogOf(message, message.cluster ?? known.cluster, exports, left);
}

function catalogOf(
  message: CatalogSnapshot | CatalogDelta,
  cluster: CatalogCluster,
  exports: ReadonlyMap<string, CatalogExport>,
  left: Map<string, string>,
): Catalog {
  for (const [key, reason] of Object.entries(message.leftOut)) {
    if (left.size >= CATALOG_LIMITS.leftOutMax) break;
    left.set(quotable(key, KEY_MAX), quotable(reason, WHY_MAX));
  }
  return {
    position: message.position,
    cluster,
    exports,
    ...(left.size === 0 ? {} : { leftOut: left }),
    ...(message.more ? { incomplete: true } : {}),
  };
}

function isOlder(message: CatalogPosition, known: CatalogPosition): boolean {
  return message.epoch === known.epoch && message.revision < known.revision;
}
