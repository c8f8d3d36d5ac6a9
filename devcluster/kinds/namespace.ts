/**
 * Namespaces: their name as a label, and the finalizer that empties them. pure
 */
import { asObject } from '../values/json.ts';
import type { Rules } from './resources.ts';

/** Rules of namespaces. */
export const namespaceRules: Rules = {
  hasStatus: true,
  defaults: (namespace) => {
    const { name, labels } = namespace.metadata;
    const named = { ...asObject(labels), 'kubernetes.io/metadata.name': name };
    return { ...namespace, metadata: { ...namespace.metadata, labels: named } };
  },
  admitCreate: (namespace) => ({
    ...namespace,
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }),
  admitUpdate: (namespace, previous) => ({ ...namespace, spec: previous.spec }),
};
