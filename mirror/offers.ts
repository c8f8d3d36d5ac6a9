/**
 * Which services are offered here, by which clusters, and into which namespaces they come. pure
 */
import { timeOf } from '#core/catalog.ts';
import { ANNOTATION_CLUSTERS, LABEL_MANAGED_BY, MANAGER } from '#core/names.ts';
import { apiVersionOf, links } from '#kube/resources/builtin.ts';
import type { Link } from '#kube/resources/link.ts';
import type { ObjectReference } from '#kube/types.ts';
import type { Action, Finding, Member, Offer, PlanInput } from './input.ts';
import { isMirrored } from './peers.ts';

/**
 * Members by service, the oldest export first (KEP-1645); the cluster's name breaks a tie. A time that has not come
 * `now`, or is none, makes nobody older than anybody.
 */
export function offersOf(members: readonly Member[], now: string): ReadonlyMap<string, Offer> {
  const nowMs = timeOf(now);
  const ages = new Map(members.map((each) => [each, ageOf(each, nowMs)]));
  const olderFirst = (a: Member, b: Member) => {
    const [ageA = 0, ageB = 0] = [ages.get(a), ages.get(b)];
    return ageA === ageB ? (a.cluster < b.cluster ? -1 : 1) : ageA < ageB ? -1 : 1;
  };
  const grouped = new Map<string, Member[]>();
  for (const member of members) {
    const key = `${member.export.namespace}/${member.export.name}`;
    const known = grouped.get(key);
    if (known) known.push(member);
    else grouped.set(key, [member]);
  }
  const offers = new Map<string, Offer>();
  for (const [key, group] of grouped) {
    const [first] = group;
    if (first === undefined) continue;
    const { namespace, name } = first.export;
    offers.set(key, { namespace, name, members: group.sort(olderFirst) });
  }
  return offers;
}

/** Namespaces made for one peer, those of former plans included. */
export const NAMESPACES_OF_PEER_MAX = 100;
/** Missing namespaces told of one Link. */
const NAMESPACES_TOLD_MAX = 64;

/** Namespaces that mirrors need, that are missing here, and what is done about each. */
export function missingNamespaces(
  members: readonly Member[],
  namespaces: PlanInput['namespaces'],
): {
  readonly missing: ReadonlySet<string>;
  readonly actions: readonly Action[];
  readonly findings: readonly Finding[];
} {
  const missing = new Set<string>();
  const created = new Map<string, Action>();
  const findings: Finding[] = [];
  const told = new Map<string, Set<string>>();
  const made = madeFor(namespaces);
  for (const { export: one, link, cluster } of members) {
    const { namespace } = one;
    const found = namespaces.get(namespace);
    if (link === undefined || (found && found.metadata.deletionTimestamp === undefined)) continue;
    if (!isMirrored(one)) continue;
    missing.add(namespace);
    if (created.has(namespace)) continue;
    // One that is being deleted must be gone before it can be made again.
    const wanted = link.spec?.import.createNamespaces === true && found === undefined;
    const count = made.get(cluster) ?? 0;
    if (wanted && count < NAMESPACES_OF_PEER_MAX) {
      created.set(namespace, createNamespace(namespace, cluster));
      made.set(cluster, count + 1);
      continue;
    }
    const names = told.get(link.metadata.name) ?? new Set();
    if (names.size >= NAMESPACES_TOLD_MAX || names.has(namespace)) continue;
    told.set(link.metadata.name, names.add(namespace));
    findings.push({
      about: linkReference(link),
      link: link.metadata.name,
      type: 'Warning',
      reason: 'NamespaceMissing',
      message: wanted
        ? `namespace "${namespace}" is not created, for ${NAMESPACES_OF_PEER_MAX} were for ${cluster}: create it, or leave it out of spec.import.namespaces`
        : `namespace "${namespace}" does not exist here: create it, set spec.import.createNamespaces, or leave it out of spec.import.namespaces`,
    });
  }
  return { missing, actions: [...created.values()], findings };
}

/** How many namespaces were made for each cluster. */
function madeFor(namespaces: PlanInput['namespaces']): Map<string, number> {
  const made = new Map<string, number>();
  for (const { metadata } of namespaces.values()) {
    const cluster = metadata.annotations?.[ANNOTATION_CLUSTERS];
    if (metadata.labels?.[LABEL_MANAGED_BY] !== MANAGER || cluster === undefined) continue;
    made.set(cluster, (made.get(cluster) ?? 0) + 1);
  }
  return made;
}

/** What an Event about a Link refers to. */
export function linkReference(link: Link): ObjectReference {
  const { name, namespace, uid } = link.metadata;
  return {
    apiVersion: apiVersionOf(links),
    kind: 'Link',
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
}

function createNamespace(name: string, cluster: string): Action {
  const metadata = {
    name,
    labels: { [LABEL_MANAGED_BY]: MANAGER },
    annotations: { [ANNOTATION_CLUSTERS]: cluster },
  };
  return {
    do: 'apply',
    key: name,
    kind: 'Namespace',
    object: { apiVersion: 'v1', kind: 'Namespace', metadata },
  };
}

/** When an export was made; later than everything where that is not known. */
function ageOf({ export: one }: Member, nowMs: number): number {
  const ms = timeOf(one.createdAt);
  return ms <= nowMs ? ms : Number.POSITIVE_INFINITY;
}
