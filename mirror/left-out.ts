/**
 * What of a peer's exports cannot be used, and who is told. pure
 */
import { CATALOG_LIMITS } from '#core/catalog.ts';
import type { Finding, PlanInput } from './input.ts';
import { linkReference } from './offers.ts';
import type { LinkRole } from './peers.ts';

/** Exports of a peer named in a finding; the others are counted. */
const EXPORTS_SHOWN_MAX = 3;

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
    return [
      {
        about: linkReference(link),
        link: link.metadata.name,
        type: 'Warning',
        reason: 'ExportInvalid',
        message,
      },
    ];
  });
}
