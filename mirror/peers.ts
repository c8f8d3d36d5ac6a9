/**
 * Which Links count, and what each brings in. pure
 *
 * Of two Links that name one cluster the older counts. An invalid Link brings nothing new and takes
 * nothing away: what was imported through it stays until somebody fixes or deletes it.
 */
import { GLOBAL, SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Link, LinkSpec } from '#kube/resources/link.ts';
import { assumedExports } from './assumed.ts';
import type { Member, PlanInput } from './input.ts';

/** A Link and its part in the plan. */
export type LinkRole =
  | { readonly link: Link; readonly role: 'active'; readonly spec: LinkSpec }
  | { readonly link: Link; readonly role: 'invalid' }
  | { readonly link: Link; readonly role: 'duplicate'; readonly of: string }
  | { readonly link: Link; readonly role: 'self' };

/** Every Link with its role, the oldest first. Links being deleted are left out. */
export function linkRoles(links: readonly Link[], ownCluster: string): readonly LinkRole[] {
  const holders = new Map<string, string>();
  const ordered = links
    .filter((link) => link.metadata.deletionTimestamp === undefined)
    .sort(olderLinkFirst);
  return ordered.map((link): LinkRole => {
    const { spec } = link;
    if (spec === undefined) return { link, role: 'invalid' };
    if (spec.clusterName === ownCluster) return { link, role: 'self' };
    const holder = holders.get(spec.clusterName);
    if (holder !== undefined) return { link, role: 'duplicate', of: holder };
    holders.set(spec.clusterName, link.metadata.name);
    return { link, role: 'active', spec };
  });
}

/** Older by creation, then by name. */
export function olderLinkFirst(a: Link, b: Link): number {
  return linkAge(a) < linkAge(b) ? -1 : 1;
}

function linkAge({ metadata }: Link): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
}

/** The oldest active Link that brings in services of `namespace`, if there is one. */
export function importerOf(roles: readonly LinkRole[], namespace: string): Link | undefined {
  return roles.find((each) => each.role === 'active' && importsNamespace(each.spec, namespace))
    ?.link;
}

/** Whether a Link brings in services of `namespace`; kube-* and our own never come in. */
export function importsNamespace(spec: LinkSpec, namespace: string): boolean {
  if (namespace.startsWith('kube-') || namespace === SYSTEM_NAMESPACE) return false;
  return spec.import.namespaces?.includes(namespace) ?? true;
}

/** Every export that comes in from other clusters, whether its namespace exists here or not. */
export function remoteMembers(
  roles: readonly LinkRole[],
  input: Pick<PlanInput, 'cluster' | 'catalogs' | 'services'>,
): readonly Member[] {
  const members: Member[] = [];
  const served = new Set<string>();
  for (const each of roles) {
    if (each.role !== 'active') continue;
    const { link, spec } = each;
    const cluster = spec.clusterName;
    served.add(cluster);
    const catalog = input.catalogs.get(cluster);
    const exports = catalog?.exports ?? assumedExports(input.services.values(), cluster);
    for (const one of exports.values()) {
      if (!importsNamespace(spec, one.namespace)) continue;
      members.push({ cluster, export: one, link, assumed: catalog === undefined });
    }
  }
  for (const { role, link } of roles) {
    const cluster = link.clusterName;
    if (role !== 'invalid' || cluster === undefined || served.has(cluster)) continue;
    // Such a name is one of the things that make a Link invalid.
    if (cluster === GLOBAL || cluster === input.cluster) continue;
    served.add(cluster);
    for (const one of assumedExports(input.services.values(), cluster).values()) {
      members.push({ cluster, export: one, link, assumed: true });
    }
  }
  return members;
}
