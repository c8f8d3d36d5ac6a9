/**
 * What does not travel, and who is told: of our exports, what peers are not told; of a peer's, what cannot be used. pure
 */
import { CATALOG_LIMITS, exportKey } from '#core/catalog.ts';
import { selects } from '#core/selector.ts';
import { untoldExports } from '#core/untold.ts';
import { exportOf } from '#kube/exported.ts';
import { serviceExports } from '#kube/resources/builtin.ts';
import { linkFinding, referenceTo } from './findings.ts';
import type { Finding, Member, PlanInput } from './input.ts';
import type { LinkRole } from './peers.ts';

/** Exports of a peer named in a finding; the others are counted. */
const EXPORTS_SHOWN_MAX = 3;
/** Longest of what is said of one export. */
const SHORTFALL_MAX = 1_024;

/** What is wanting where peers are told of one export of ours. */
export interface Shortfall {
  /** What of it nobody is told; empty when that is nothing. */
  readonly leftOut: string;
  /** Clusters that are not told of it at all. */
  readonly untold: readonly string[];
}

/** By `namespace/name`, exports among `local` that not everything is told of, or not everybody. */
export function shortfalls(
  local: readonly Member[],
  roles: readonly LinkRole[],
  input: Pick<PlanInput, 'exports' | 'services'>,
): ReadonlyMap<string, Shortfall> {
  const untold = untoldClusters(local, roles, input);
  const found = new Map<string, Shortfall>();
  for (const { export: one } of local) {
    const key = exportKey(one);
    const [object, service] = [input.exports.get(key), input.services.get(key)];
    if (object === undefined || service === undefined) continue;
    const { leftOut } = exportOf(object, service);
    const clusters = untold.get(key) ?? [];
    if (leftOut.length === 0 && clusters.length === 0) continue;
    found.set(key, { leftOut: leftOut.join('; ').slice(0, SHORTFALL_MAX), untold: clusters });
  }
  return found;
}

function untoldClusters(
  local: readonly Member[],
  roles: readonly LinkRole[],
  input: Pick<PlanInput, 'services'>,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  if (untoldExports(local.map((member) => member.export)).size === 0) return found;
  for (const each of roles) {
    if (each.role !== 'active') continue;
    const { serviceSelector } = each.spec.export;
    const seen = local.filter(({ export: one }) =>
      selects(serviceSelector, input.services.get(exportKey(one))?.metadata.labels ?? {}),
    );
    for (const key of untoldExports(seen.map((member) => member.export))) {
      found.set(key, [...(found.get(key) ?? []), each.spec.clusterName]);
    }
  }
  return found;
}

/** One for each of our exports that is told of in part, or not to everybody. */
export function shortfallFindings(
  found: ReadonlyMap<string, Shortfall>,
  exports: PlanInput['exports'],
): readonly Finding[] {
  return [...found].flatMap(([key, shortfall]): Finding[] => {
    const object = exports.get(key);
    if (object === undefined) return [];
    const message = shortfallMessage(shortfall);
    return [
      {
        about: referenceTo(serviceExports, object),
        type: 'Warning',
        reason: 'PartlyExported',
        message,
      },
    ];
  });
}

/** A shortfall in one line. */
export function shortfallMessage({ leftOut, untold }: Shortfall): string {
  const whom = `not announced to ${untold.join(', ')}: a catalog has no room for it beside older exports; let spec.export.serviceSelector of the Link select fewer`;
  return [untold.length > 0 ? whom : '', leftOut && `not told: ${leftOut}`]
    .filter(Boolean)
    .join('; ');
}

/** One for each peer of which some exports cannot be used. */
export function catalogFindings(
  roles: readonly LinkRole[],
  catalogs: PlanInput['catalogs'],
): readonly Finding[] {
  return roles.flatMap((each): Finding[] => {
    if (each.role !== 'active') return [];
    const { link, spec } = each;
    const leftOut = [...(catalogs.get(spec.clusterName)?.leftOut ?? [])];
    if (leftOut.length === 0) return [];
    const atLeast = leftOut.length >= CATALOG_LIMITS.leftOutMax ? 'at least ' : '';
    const shown = leftOut.slice(0, EXPORTS_SHOWN_MAX).map(([key, why]) => `${key} (${why})`);
    const message = `${atLeast}${leftOut.length} exports of ${spec.clusterName} are left out because what it says of them is not valid: ${shown.join(', ')}: look at the Services there`;
    return [linkFinding(link, 'ExportInvalid', message)];
  });
}
