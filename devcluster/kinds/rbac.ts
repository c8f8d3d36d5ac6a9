/**
 * Roles and their bindings, of a namespace and of the cluster. pure
 */
import { asObject, asObjects, asString, asStrings, deepEqual } from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import type { Rules } from './resources.ts';

const RBAC = 'rbac.authorization.k8s.io';

/** Rules of Roles and ClusterRoles. */
export const roleRules: Rules = {
  validate: (role) =>
    asObjects(role.rules).flatMap((rule, index) => {
      const path = `rules[${index}]`;
      const causes: Cause[] = [];
      if (asStrings(rule.verbs).length === 0) {
        causes.push(fieldError.required(`${path}.verbs`, 'verbs must contain at least one value'));
      }
      if (asStrings(rule.nonResourceURLs).length > 0) {
        if (role.kind === 'Role') {
          const why = 'namespaced rules cannot apply to non-resource URLs';
          causes.push(fieldError.invalid(`${path}.nonResourceURLs`, rule.nonResourceURLs, why));
        }
        return causes;
      }
      if (asStrings(rule.apiGroups).length === 0) {
        const why = 'resource rules must supply at least one api group';
        causes.push(fieldError.required(`${path}.apiGroups`, why));
      }
      if (asStrings(rule.resources).length === 0) {
        const why = 'resource rules must supply at least one resource';
        causes.push(fieldError.required(`${path}.resources`, why));
      }
      return causes;
    }),
};

/** Rules of RoleBindings and ClusterRoleBindings. */
export const bindingRules: Rules = {
  defaults: (binding) => ({
    ...binding,
    roleRef: { apiGroup: RBAC, ...asObject(binding.roleRef) },
    ...(binding.subjects === undefined
      ? {}
      : {
          subjects: asObjects(binding.subjects).map((item) =>
            item.kind === 'ServiceAccount' ? item : { apiGroup: RBAC, ...item },
          ),
        }),
  }),
  validate: (binding, previous) => {
    const causes: Cause[] = [];
    const role = asObject(binding.roleRef);
    const kinds = binding.kind === 'RoleBinding' ? ['Role', 'ClusterRole'] : ['ClusterRole'];
    if (!kinds.includes(asString(role.kind))) {
      causes.push(fieldError.unsupported('roleRef.kind', role.kind, kinds));
    }
    if (asString(role.name) === '') causes.push(fieldError.required('roleRef.name'));
    if (previous && !deepEqual(previous.roleRef, binding.roleRef)) {
      causes.push(fieldError.invalid('roleRef', role, 'cannot change roleRef'));
    }
    asObjects(binding.subjects).forEach((item, index) => {
      const path = `subjects[${index}]`;
      const kind = asString(item.kind);
      if (!['ServiceAccount', 'User', 'Group'].includes(kind)) {
        const all = ['ServiceAccount', 'User', 'Group'];
        causes.push(fieldError.unsupported(`${path}.kind`, kind, all));
      }
      if (asString(item.name) === '') causes.push(fieldError.required(`${path}.name`));
      const isBare = kind === 'ServiceAccount' && asString(item.namespace) === '';
      if (isBare && binding.kind === 'ClusterRoleBinding') {
        causes.push(fieldError.required(`${path}.namespace`));
      }
    });
    return causes;
  },
};
