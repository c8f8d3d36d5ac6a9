/**
 * Offers → mirrors: which mirror Services there have to be, before ports are given out. pure
 *
 * One per exporting cluster and one, `-global`, for all of them. `backend-b` of `east` and `backend` of `b-east` would have
 * one name: the mirror that has it keeps it, so that no peer can lead clients of another's to itself, and of two that are
 * new the one whose Link is older gets it. An object of that name that Isthmus did not make is never touched.
 */
import { GLOBAL, LABEL_MIRROR, mirrorName } from '#core/names.ts';
import { isMirror } from '#kube/mirror.ts';
import { services } from '#kube/resources/builtin.ts';
import type { Link } from '#kube/resources/link.ts';
import type { Service } from '#kube/types.ts';
import { targetOf } from './assumed.ts';
import { linkFinding, referenceTo } from './findings.ts';
import { isOurs } from './foreign.ts';
import type { Finding, Member, Offer, PlanInput } from './input.ts';
import { type MergedPort, merge } from './merge.ts';
import { olderLinkFirst } from './peers.ts';

/** A mirror Service that has to be. */
export interface Mirror {
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  /** The cluster it reaches, or `global`. */
  readonly of: string;
  /** `namespace/name` of the exported Service. */
  readonly target: string;
  /** Sorted. */
  readonly clusters: readonly string[];
  readonly ports: readonly MergedPort[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** When the one cluster's export was made; empty for `global`. */
  readonly exportedAt: string;
  /** The oldest Link it comes by. */
  readonly link: Link;
}

/** Address families of EndpointSlices, each of which a mirror has one of. */
export const FAMILIES = ['IPv4', 'IPv6'] as const;

/** The name of a mirror's EndpointSlice. */
export function sliceName(mirror: Pick<Mirror, 'name'>, family: (typeof FAMILIES)[number]): string {
  return `${mirror.name}-${family.toLowerCase()}`;
}

/** Every mirror, by key, and what kept others from being one. */
export function mirrorsOf(
  offers: ReadonlyMap<string, Offer>,
  missingNamespaces: ReadonlySet<string>,
  { services: existing, slices }: Pick<PlanInput, 'services' | 'slices'>,
  importers: (namespace: string) => Link | undefined,
): { readonly mirrors: ReadonlyMap<string, Mirror>; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const claims: Mirror[] = [];
  for (const offer of offers.values()) {
    if (missingNamespaces.has(offer.namespace)) continue;
    const kept = existing.get(`${offer.namespace}/${mirrorName(offer.name, GLOBAL)}`);
    // Clients of a global mirror keep their local pods when the last peer stops exporting.
    const keeper = kept && isMirror(kept) ? importers(offer.namespace) : undefined;
    claims.push(...claimsOf(offer, keeper, findings));
  }
  const holders = new Set(claims.filter((each) => isHolder(each, existing.get(each.key))));
  // Cluster mirrors before global ones where Links are equally old, so that the order is total.
  claims.sort(
    (a, b) =>
      Number(holders.has(b)) - Number(holders.has(a)) ||
      (a.link === b.link ? compare(rank(a), rank(b)) : olderLinkFirst(a.link, b.link)),
  );
  const mirrors = new Map<string, Mirror>();
  for (const claim of claims) {
    const holder = mirrors.get(claim.key);
    const found = existing.get(claim.key);
    if (holder !== undefined) {
      findings.push(
        linkFinding(
          claim.link,
          'NameTaken',
          `the mirror ${claim.key} of ${claim.target} is not made: the name belongs to the mirror of ${holder.target}, which had it before or whose Link is older`,
        ),
      );
    } else if (found !== undefined && !isMirror(found)) {
      const message = `Service ${claim.key} was not made by Isthmus, so ${claim.target} of ${claim.of} is not mirrored: rename or delete it`;
      findings.push(linkFinding(claim.link, 'NameClash', message));
      findings.push({
        about: referenceTo(services, found),
        by: claim.link.metadata.name,
        type: 'Warning',
        reason: 'NameClash',
        message: `Isthmus would mirror ${claim.target} of ${claim.of} as ${claim.key}, but leaves this Service alone because it did not make it`,
      });
    } else {
      mirrors.set(claim.key, claim);
      findings.push(...foreignSlices(claim, slices));
    }
  }
  return { mirrors, findings };
}

/** EndpointSlices of somebody else that keep gateways out of `mirror`. */
function foreignSlices(mirror: Mirror, slices: PlanInput['slices']): readonly Finding[] {
  return FAMILIES.flatMap((family) => {
    const key = `${mirror.namespace}/${sliceName(mirror, family)}`;
    const found = slices.get(key);
    if (found === undefined || isOurs('EndpointSlice', found)) return [];
    const message = `EndpointSlice ${key} was not made by Isthmus, so the mirror ${mirror.key} has no gateways: delete it`;
    return [linkFinding(mirror.link, 'NameClash', message)];
  });
}

function claimsOf(offer: Offer, keeper: Link | undefined, findings: Finding[]): Mirror[] {
  const remote = offer.members.filter((each) => each.link !== undefined);
  const claims: Mirror[] = [];
  for (const member of remote) {
    const claim = claimOf(offer, [member], member.cluster, findings);
    if (claim !== undefined) claims.push(claim);
  }
  const global = claimOf(offer, offer.members, GLOBAL, [], keeper);
  if (global !== undefined) claims.push(global);
  return claims;
}

function claimOf(
  offer: Offer,
  all: readonly Member[],
  of: string,
  findings: Finding[],
  keeper?: Link,
): Mirror | undefined {
  const target = `${offer.namespace}/${offer.name}`;
  const members = all.filter((each) => each.export.type !== 'Headless');
  const [link = keeper] = all.flatMap((each) => each.link ?? []).sort(olderLinkFirst);
  if (link === undefined) return undefined;
  if (members.length < all.length) {
    findings.push(
      linkFinding(
        link,
        'HeadlessNotMirrored',
        `${target} of ${of} is headless, which this release does not mirror`,
      ),
    );
  }
  const { ports, refusedPorts } = merge(members);
  if (refusedPorts.length > 0) {
    findings.push(
      linkFinding(
        link,
        'ProtocolNotCarried',
        `${refusedPorts.join(', ')} of ${target} of ${of} is left out: gateways carry TCP only`,
      ),
    );
  }
  const [oldest] = members;
  // A global mirror of nothing but this cluster's own pods is kept, never begun.
  const begun = keeper !== undefined || members.some((each) => each.link);
  if (oldest === undefined || ports.length === 0 || !begun) return undefined;
  const name = mirrorName(offer.name, of);
  return {
    key: `${offer.namespace}/${name}`,
    namespace: offer.namespace,
    name,
    of,
    target,
    clusters: members.map((each) => each.cluster).sort(),
    ports,
    labels: oldest.export.exportedLabels,
    annotations: oldest.export.exportedAnnotations,
    exportedAt: of === GLOBAL ? '' : oldest.export.createdAt,
    link,
  };
}

/** Whether `found`, which has the name of `claim`, stands for the same. */
function isHolder(claim: Mirror, found: Service | undefined): boolean {
  return (
    found !== undefined &&
    isMirror(found) &&
    found.metadata.labels?.[LABEL_MIRROR] === claim.of &&
    targetOf(found) === claim.target
  );
}

function rank(mirror: Mirror): string {
  return `${mirror.of === GLOBAL ? 1 : 0} ${mirror.key} ${mirror.target}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
