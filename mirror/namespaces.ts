/**
 * Namespaces that mirrors need and that are missing here: made where a Link says so, else told of. pure
 */
import type { CatalogExport } from '#core/catalog.ts';
import { ANNOTATION_CLUSTERS, LABEL_MANAGED_BY, MANAGER } from '#core/names.ts';
import { linkFinding } from './findings.ts';
import type { Action, Finding, Member, PlanInput } from './input.ts';
import { isCarried } from './merge.ts';

/** Namespaces made for one peer, those of former plans included. */
export const NAMESPACES_OF_PEER_MAX = 100;
/** Missing namespaces told of one Link. */
const NAMESPACES_TOLD_MAX = 64;

/** Namespaces that mirrors need, that are missing here, and what is done about each. */
export function missingNamespaces(
  members: readonly Member[],
  { namespaces, refused }: Pick<PlanInput, 'namespaces' | 'refused'>,
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
      if (!refused.has(namespace)) continue;
    }
    const names = told.get(link.metadata.name) ?? new Set();
    if (names.size >= NAMESPACES_TOLD_MAX || names.has(namespace)) continue;
    told.set(link.metadata.name, names.add(namespace));
    const said = created.has(namespace) ? refused.get(namespace) : undefined;
    const reason = said === undefined ? 'NamespaceMissing' : 'WriteRefused';
    const why = said === undefined ? whyMissing(wanted, cluster) : `cannot be created: ${said}`;
    const set = wanted ? '' : ' set spec.import.createNamespaces,';
    const message = `namespace "${namespace}" ${why}: create it,${set} or leave it out of spec.import.namespaces`;
    findings.push(linkFinding(link, reason, message));
  }
  return { missing, actions: [...created.values()], findings };
}

function whyMissing(wanted: boolean, cluster: string): string {
  return wanted
    ? `is not created, for ${NAMESPACES_OF_PEER_MAX} were for ${cluster}`
    : 'does not exist here';
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

/** Whether an export can have a mirror: not headless ones, and none without a port that gateways carry. */
function isMirrored(one: CatalogExport): boolean {
  return one.type !== 'Headless' && one.ports.some(isCarried);
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
