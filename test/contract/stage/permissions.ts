/**
 * What the Roles of `manifests/` allow, one permission at a time, and which of it was used.
 *
 * A permission is one verb on one kind, narrowed to one name where the rule names some: the least that
 * can be taken away. Promises: whatever is unused here can be removed from the manifests, for the flows
 * that were recorded are all a component does; whatever is used cannot.
 */
import {
  asObject,
  asObjects,
  asString,
  asStrings,
  type JsonObject,
} from '#devcluster/values/json.ts';
import { shippedObjects } from '../cases/manifests.ts';
import type { Recorded } from './recorder.ts';

/** One verb on one kind for one ServiceAccount. */
export interface Permission {
  /** `namespace/name`. */
  readonly account: string;
  /** `ClusterRole isthmus-mirror`. */
  readonly role: string;
  /** Empty: every namespace. */
  readonly namespace: string;
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  /** Empty: every object. */
  readonly name: string;
}

/** Every permission that the manifests give. */
export function shippedPermissions(): Permission[] {
  const objects = shippedObjects().map(({ object }) => object);
  const bindings = objects.filter(({ kind }) => /^(Cluster)?RoleBinding$/.test(asString(kind)));
  return bindings.flatMap((binding) => {
    const reference = asObject(binding.roleRef);
    const namespace = asString(asObject(binding.metadata).namespace);
    const role = objects.find(
      ({ kind, metadata }) => kind === reference.kind && asObject(metadata).name === reference.name,
    );
    return asObjects(binding.subjects).flatMap((subject) => {
      const account = `${asString(subject.namespace)}/${asString(subject.name)}`;
      const given = { account, role: `${reference.kind} ${reference.name}`, namespace };
      return asObjects(role?.rules).flatMap((rule) => expanded(rule, given));
    });
  });
}

/** The permissions of one rule, each alone. */
export function expanded(
  rule: JsonObject,
  given: Pick<Permission, 'account' | 'role' | 'namespace'>,
): Permission[] {
  const names = asStrings(rule.resourceNames);
  return asStrings(rule.apiGroups).flatMap((group) =>
    asStrings(rule.resources).flatMap((resource) =>
      asStrings(rule.verbs).flatMap((verb) =>
        (names.length === 0 ? [''] : names).map((name) => ({
          ...given,
          group,
          resource,
          verb,
          name,
        })),
      ),
    ),
  );
}

/** Whether `request` was allowed by this permission. */
export function isUse(permission: Permission, request: Recorded): boolean {
  return (
    request.status !== 403 &&
    permission.account === request.account &&
    permission.group === request.group &&
    permission.resource === request.resource &&
    permission.verb === request.verb &&
    (permission.namespace === '' || permission.namespace === request.namespace) &&
    (permission.name === '' || permission.name === request.name)
  );
}

/** Permissions that no request made use of, as sentences. */
export function unused(
  permissions: readonly Permission[],
  recorded: readonly Recorded[],
): string[] {
  return permissions
    .filter((permission) => !recorded.some((request) => isUse(permission, request)))
    .map(describe);
}

/** `ClusterRole isthmus-mirror: list services`. */
export function describe({ role, verb, resource, group, name }: Permission): string {
  const kind = group === '' ? resource : `${resource}.${group}`;
  return `${role}: ${verb} ${kind}${name === '' ? '' : ` ${name}`}`;
}
