/**
 * Several exports of one service become one: KEP-1645, "constraints and conflict resolution". pure
 *
 * The oldest export wins. Ports are the union; a port that contradicts an older one is left out for its
 * cluster, so traffic to a port only ever reaches clusters that mean the same by it.
 */
import type { CatalogExport } from '#core/catalog.ts';
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
  const ports: { name: string; port: number; appProtocol?: string; clusters: string[] }[] = [];
  const conflicts: Conflict[] = [];
  const refused = new Set<string>();
  for (const { cluster, export: one } of members) {
    for (const port of one.ports) {
      if (port.protocol !== 'TCP') {
        refused.add(`${port.protocol}/${port.port}`);
        continue;
      }
      const rival = ports.find((each) => each.name === port.name || each.port === port.port);
      if (rival === undefined) {
        const { name, appProtocol } = port;
        ports.push({
          name,
          port: port.port,
          ...(appProtocol === undefined ? {} : { appProtocol }),
          clusters: [cluster],
        });
      } else if (rival.name === port.name && rival.port === port.port) {
        if (!rival.clusters.includes(cluster)) rival.clusters.push(cluster);
      } else {
        const mine = `${port.name || 'port'} ${port.port}`;
        const theirs = `${rival.name || 'port'} ${rival.port}`;
        conflicts.push({
          reason: 'PortConflict',
          message: `${cluster} has ${mine}, ${rival.clusters[0]} has ${theirs}`,
        });
      }
    }
  }
  return {
    ports: ports.map((each) => ({
      name: each.name === '' && ports.length > 1 ? `port-${each.port}` : each.name,
      port: each.port,
      appProtocol: each.appProtocol,
      clusters: each.clusters.sort(),
    })),
    conflicts: [...conflicts, ...otherConflicts(members)],
    refusedPorts: [...refused].sort(),
  };
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
