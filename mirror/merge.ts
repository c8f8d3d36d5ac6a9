/**
 * Several exports of one service become one: KEP-1645, "constraints and conflict resolution". pure
 *
 * The oldest export wins. Ports are the union; a port that contradicts an older one is left out for its
 * cluster, so traffic to a port only ever reaches clusters that mean the same by it. Ports that are not the same in
 * all clusters are a conflict that is told of, whether they contradict each other or only lack each other.
 *
 * IPFamilyConflict does not arise: a mirror has the families of its own cluster and its gateways reach every backend.
 */
import type { CatalogExport, CatalogPort } from '#core/catalog.ts';
import type { Member } from './input.ts';

/** A port of a mirror. Only TCP is carried by the gateways. */
export interface MergedPort {
  /** Empty only where it is the single port. */
  readonly name: string;
  readonly port: number;
  readonly appProtocol: string | undefined;
  /** Sorted. */
  readonly clusters: readonly string[];
}

/** One contradiction: a reason of mcs-api v1beta1, and what differs. */
export interface Conflict {
  readonly reason: string;
  readonly message: string;
}

export interface Merged {
  readonly ports: readonly MergedPort[];
  readonly conflicts: readonly Conflict[];
  /** Ports no gateway can carry, as `protocol/port`. */
  readonly refusedPorts: readonly string[];
}

/** `members` must be ordered, the oldest export first. */
export function merge(members: readonly Member[]): Merged {
  const union: { port: CatalogPort; clusters: string[] }[] = [];
  for (const { cluster, export: one } of members) {
    for (const port of one.ports) {
      const rival = union.find((each) => areRivals(each.port, port));
      if (rival === undefined) union.push({ port, clusters: [cluster] });
      else if (isSameWay(rival.port, port) && !rival.clusters.includes(cluster)) {
        rival.clusters.push(cluster);
      }
    }
  }
  const carried = union.filter((each) => isCarried(each.port));
  const names = new Set(carried.map((each) => each.port.name));
  const refused = members.flatMap((each) => each.export.ports.filter((port) => !isCarried(port)));
  return {
    ports: carried.map(({ port: { name, port, appProtocol }, clusters }) => ({
      name: name === '' && carried.length > 1 ? freeName(port, names) : name,
      port,
      appProtocol,
      clusters: clusters.sort(),
    })),
    conflicts: [...portConflicts(members), ...otherConflicts(members)],
    refusedPorts: [...new Set(refused.map((each) => `${each.protocol}/${each.port}`))].sort(),
  };
}

/** Whether gateways carry a port. */
export function isCarried({ protocol }: CatalogPort): boolean {
  return protocol === 'TCP';
}

/** Whether one Service cannot have both ports (Kubernetes: names, and numbers of one protocol, are unique). */
function areRivals(a: CatalogPort, b: CatalogPort): boolean {
  return a.name === b.name || (a.port === b.port && a.protocol === b.protocol);
}

/** Whether traffic to both means the same; how it is spoken is as the oldest says. */
function isSameWay(a: CatalogPort, b: CatalogPort): boolean {
  return a.name === b.name && a.port === b.port && a.protocol === b.protocol;
}

/** A name for a port that has none in its own cluster, and needs one beside others. */
function freeName(port: number, taken: ReadonlySet<string>): string {
  let name = `port-${port}`;
  for (let next = 2; taken.has(name); next += 1) name = `port-${port}-${next}`;
  return name;
}

/** One conflict for each cluster whose ports are not those of the oldest. */
function portConflicts(members: readonly Member[]): Conflict[] {
  const [oldest, ...others] = members;
  if (oldest === undefined) return [];
  return others.flatMap((other): Conflict[] => {
    const more = beyond(other, oldest);
    const less = beyond(oldest, other);
    if (more.length === 0 && less.length === 0) return [];
    const has = more.length === 0 ? '' : `has ${more.join(', ')}`;
    const lacks = less.length === 0 ? '' : `lacks ${less.join(', ')}`;
    const what = [has, lacks].filter(Boolean).join(' and ');
    const message = `${other.cluster} ${what}, unlike ${oldest.cluster}, whose export is the oldest`;
    return [{ reason: 'PortConflict', message }];
  });
}

/** The ports of `one` that `other` has not, in words. Of whom nobody has heard only what contradicts counts. */
function beyond(one: Member, other: Member): string[] {
  const isKnown = !one.assumed && !other.assumed;
  const theirs = other.export.ports;
  const same = new Set(theirs.map(spelled));
  return one.export.ports
    .filter((port) => !same.has(spelled(port)))
    .filter((port) => isKnown || theirs.some((each) => areRivals(each, port)))
    .map(spelled);
}

function spelled({ name, port, protocol, appProtocol }: CatalogPort): string {
  const spoken = appProtocol === undefined ? '' : ` (${appProtocol})`;
  return `${name || 'an unnamed port'} ${port}/${protocol}${spoken}`;
}

type Aspect = readonly [reason: string, what: string, of: (each: CatalogExport) => unknown];

/** What must be equal beside ports, each with its reason in mcs-api v1beta1. */
const ASPECTS: readonly Aspect[] = [
  ['TypeConflict', 'type', (each) => each.type],
  ['SessionAffinityConflict', 'sessionAffinity', (each) => each.sessionAffinity],
  [
    'SessionAffinityConfigConflict',
    'sessionAffinityConfig',
    (each) => each.sessionAffinityTimeoutSeconds,
  ],
  ['LabelsConflict', 'exportedLabels', (each) => sorted(each.exportedLabels)],
  ['AnnotationsConflict', 'exportedAnnotations', (each) => sorted(each.exportedAnnotations)],
  ['InternalTrafficPolicyConflict', 'internalTrafficPolicy', (each) => each.internalTrafficPolicy],
  ['TrafficDistributionConflict', 'trafficDistribution', (each) => each.trafficDistribution],
];

function otherConflicts(members: readonly Member[]): Conflict[] {
  // Nothing but ports is known of a cluster that has not been heard.
  const [oldest, ...others] = members.filter((each) => !each.assumed);
  if (oldest === undefined) return [];
  const conflicts: Conflict[] = [];
  for (const [reason, what, of] of ASPECTS) {
    const differing = others.filter(
      (each) => JSON.stringify(of(each.export)) !== JSON.stringify(of(oldest.export)),
    );
    if (differing.length === 0) continue;
    const clusters = differing.map((each) => each.cluster).join(', ');
    conflicts.push({
      reason,
      message: `${what} of ${clusters} differs from ${oldest.cluster}, whose export is the oldest`,
    });
  }
  return conflicts;
}

function sorted(map: Readonly<Record<string, string>>): unknown {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}
