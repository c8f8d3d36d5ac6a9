/**
 * No one grants what they do not have: RBAC's guard against privilege escalation.
 *
 * "Using RBAC Authorization: privilege escalation prevention and bootstrapping" of the Kubernetes documentation.
 */

import type { ResourceDef } from '../kinds/resources.ts';
import {
  asObject,
  asObjects,
  asString,
  asStrings,
  deepEqual,
  type JsonObject,
} from '../values/json.ts';
import { forbidden } from '../values/status.ts';
import type { ApiContext } from './context.ts';
import { covers } from './rbac.ts';
import type { User } from './tokens.ts';

/** Throws 403 when `body`, a Role or binding, would grant more than `user` holds. */
export function checkEscalation(
  context: ApiContext,
  user: User,
  def: ResourceDef,
  namespace: string,
  body: JsonObject,
  live?: JsonObject,
): void {
  if (def.group !== 'rbac.authorization.k8s.io' || user.groups.includes('system:masters')) return;
  const isBinding = def.kind.endsWith('Binding');
  if (live && deepEqual(live.rules, body.rules) && !isBinding) return;
  const reference = asObject(body.roleRef);
  const roleName = isBinding ? asString(reference.name) : asString(asObject(body.metadata).name);
  const resource = isBinding
    ? asString(reference.kind) === 'ClusterRole'
      ? 'clusterroles'
      : 'roles'
    : def.plural;
  const attributes = {
    verb: isBinding ? 'bind' : 'escalate',
    group: def.group,
    version: def.version,
    resource,
    subresource: '',
    namespace,
    name: roleName,
    path: '',
  };
  if (context.rbac.allows(user, attributes).allowed) return;
  const storage = `${resource}.${def.group}`;
  const role = isBinding
    ? context.store.get(storage, resource === 'roles' ? namespace : '', roleName)
    : body;
  const held = [...context.rbac.rulesFor(user, namespace)].map((item) => item.rule);
  const missing = asObjects(role?.rules).filter((rule) => !isHeld(rule, held));
  if (missing.length === 0 && role) return;
  const list = missing.map((rule) => JSON.stringify(rule)).join('\n');
  const why = `user ${JSON.stringify(user.name)} (groups=${JSON.stringify(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${list}`;
  throw forbidden(def.group, def.plural, asString(asObject(body.metadata).name), why);
}

/** Whether `held` covers every single permission of `rule`. */
function isHeld(rule: JsonObject, held: readonly JsonObject[]): boolean {
  const names = asStrings(rule.resourceNames);
  const base = { version: '', namespace: '', name: '', subresource: '', path: '' };
  for (const verb of asStrings(rule.verbs)) {
    for (const path of asStrings(rule.nonResourceURLs)) {
      const wanted = { ...base, verb, group: '', resource: '', path };
      if (!held.some((item) => covers(item, wanted))) return false;
    }
    for (const group of asStrings(rule.apiGroups)) {
      for (const full of asStrings(rule.resources)) {
        const [resource = '', subresource = ''] = full.split('/');
        for (const name of names.length === 0 ? [''] : names) {
          const wanted = { ...base, verb, group, resource, subresource, name };
          if (!held.some((item) => covers(item, wanted))) return false;
        }
      }
    }
  }
  return true;
}
