/**
 * Who may do what: RBAC over the Roles and bindings in the store.
 *
 * "Using RBAC Authorization" of the Kubernetes documentation; refusals are worded as there. Members of
 * `system:masters` may do everything.
 */
import type { Store } from '../storage/store.ts';
import {
  asObject,
  asObjects,
  asString,
  asStrings,
  type JsonObject,
  type KubeObject,
  namespaceOf,
} from '../values/json.ts';
import type { User } from './tokens.ts';

/** One request as authorization sees it. */
export interface Attributes {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Set for requests outside the resources, such as `/version`. */
  readonly path: string;
}

const ROLES = 'roles.rbac.authorization.k8s.io';
const CLUSTER_ROLES = 'clusterroles.rbac.authorization.k8s.io';
const ROLE_BINDINGS = 'rolebindings.rbac.authorization.k8s.io';
const CLUSTER_ROLE_BINDINGS = 'clusterrolebindings.rbac.authorization.k8s.io';

/** See the file header. */
export class Rbac {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Whether `user` may; `reason` names the binding that says so. */
  allows(user: User, attributes: Attributes): { allowed: boolean; reason: string } {
    if (user.groups.includes('system:masters')) return { allowed: true, reason: '' };
    for (const { rule, source } of this.rulesFor(user, attributes.namespace)) {
      if (covers(rule, attributes)) return { allowed: true, reason: `RBAC: allowed by ${source}` };
    }
    return { allowed: false, reason: '' };
  }

  /** Every rule that holds for `user` in `namespace` (empty: cluster-wide rules only). */
  *rulesFor(user: User, namespace: string): Generator<{ rule: JsonObject; source: string }> {
    for (const binding of this.#store.list(CLUSTER_ROLE_BINDINGS)) {
      if (binds(binding, user)) yield* this.#rulesOf(binding, '');
    }
    if (namespace === '') return;
    for (const binding of this.#store.list(ROLE_BINDINGS, namespace)) {
      if (binds(binding, user)) yield* this.#rulesOf(binding, namespace);
    }
  }

  *#rulesOf(
    binding: KubeObject,
    namespace: string,
  ): Generator<{ rule: JsonObject; source: string }> {
    const reference = asObject(binding.roleRef);
    const name = asString(reference.name);
    const kind = asString(reference.kind);
    const role =
      kind === 'ClusterRole'
        ? this.#store.get(CLUSTER_ROLES, '', name)
        : this.#store.get(ROLES, namespace, name);
    const place =
      namespace === '' ? binding.metadata.name : `${binding.metadata.name}/${namespace}`;
    const source = `${binding.kind} "${place}" of ${kind} "${name}"`;
    for (const rule of asObjects(role?.rules)) yield { rule, source };
  }
}

/** The message of a 403, without the resource's name in front. */
export function refusal(user: User, attributes: Attributes): string {
  if (attributes.path !== '') {
    return `User ${JSON.stringify(user.name)} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}`;
  }
  const resource =
    attributes.subresource === ''
      ? attributes.resource
      : `${attributes.resource}/${attributes.subresource}`;
  const scope =
    attributes.namespace === ''
      ? 'at the cluster scope'
      : `in the namespace ${JSON.stringify(attributes.namespace)}`;
  return `User ${JSON.stringify(user.name)} cannot ${attributes.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(attributes.group)} ${scope}`;
}

/** Whether the PolicyRule `rule` allows `attributes`. */
export function covers(rule: JsonObject, attributes: Attributes): boolean {
  const has = (key: string, value: string) => {
    const list = asStrings(rule[key]);
    return list.includes('*') || list.includes(value);
  };
  if (!has('verbs', attributes.verb)) return false;
  if (attributes.path !== '') {
    return asStrings(rule.nonResourceURLs).some(
      (pattern) =>
        pattern === attributes.path ||
        (pattern.endsWith('*') && attributes.path.startsWith(pattern.slice(0, -1))),
    );
  }
  if (!has('apiGroups', attributes.group)) return false;
  const resources = asStrings(rule.resources);
  const { resource, subresource } = attributes;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const names = asStrings(rule.resourceNames);
  return (
    (resources.includes('*') ||
      resources.includes(full) ||
      (subresource !== '' && resources.includes(`*/${subresource}`))) &&
    (names.length === 0 || names.includes(attributes.name))
  );
}

function binds(binding: KubeObject, user: User): boolean {
  return asObjects(binding.subjects).some((subject) => {
    const name = asString(subject.name);
    switch (subject.kind) {
      case 'User':
        return name === user.name;
      case 'Group':
        return user.groups.includes(name);
      case 'ServiceAccount': {
        const namespace = asString(subject.namespace) || namespaceOf(binding);
        return user.name === `system:serviceaccount:${namespace}:${name}`;
      }
      default:
        return false;
    }
  });
}
