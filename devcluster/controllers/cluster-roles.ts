/**
 * ClusterRoles that aggregate others: their rules are those of every ClusterRole that a selector matches.
 *
 * "Aggregated ClusterRoles" of the RBAC documentation: matches of one selector in order of name, a rule once, whatever was
 * written there by hand replaced.
 */
import { isDeepStrictEqual } from 'node:util';
import { matchesSelector } from '../kinds/selectors.ts';
import {
  asObject,
  asObjects,
  at,
  type JsonObject,
  type KubeObject,
  labelsOf,
} from '../values/json.ts';
import type { Kit, Running } from './kit.ts';

const CLUSTER_ROLES = 'clusterroles.rbac.authorization.k8s.io';

/** Starts the controller. */
export function runClusterRoles(kit: Kit): Running {
  const queue = kit.queue('clusterroles', (name) => {
    const role = kit.store.get(CLUSTER_ROLES, '', name);
    if (!role || !aggregates(role)) return;
    const rules = aggregated(role, kit.store.list(CLUSTER_ROLES));
    if (isDeepStrictEqual(rules, asObjects(role.rules))) return;
    kit.modify(CLUSTER_ROLES, role, (live) => ({ ...live, rules }));
  });
  // Any of them may be part of any other, and there are few.
  const changed = () => {
    for (const role of kit.store.list(CLUSTER_ROLES))
      if (aggregates(role)) queue.add(role.metadata.name);
  };
  const stop = kit.store.listen(CLUSTER_ROLES, changed);
  changed();
  return {
    close() {
      stop();
      queue.close();
    },
  };
}

function aggregates(role: KubeObject): boolean {
  return at(role, 'aggregationRule') !== undefined;
}

function aggregated(role: KubeObject, all: readonly KubeObject[]): JsonObject[] {
  const rules: JsonObject[] = [];
  for (const selector of asObjects(at(role, 'aggregationRule', 'clusterRoleSelectors'))) {
    const matching = all
      .filter((each) => each.metadata.name !== role.metadata.name)
      .filter((each) => matchesSelector(asObject(selector), labelsOf(each)))
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    for (const rule of matching.flatMap((each) => asObjects(each.rules)))
      if (!rules.some((known) => isDeepStrictEqual(known, rule))) rules.push(rule);
  }
  return rules;
}
