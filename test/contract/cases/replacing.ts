/**
 * PUT of what is not there yet, for the kinds that it makes.
 */
import type { JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { core, group, refused } from '../kit.ts';

const LEASE: JsonObject = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };

export const replacing: readonly ContractCase[] = [
  {
    name: 'replacing a Lease, Service or Role that is not there makes it, for whoever may create it',
    source: docs('reference/kubernetes-api/cluster-resources/lease-v1/#response-3'),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const rbac = 'rbac.authorization.k8s.io/v1';
      const rules = [{ apiGroups: [''], resources: ['services'], verbs: ['update'] }];
      const metadata = { name: 'x' };
      const lease = { ...LEASE, metadata };
      const leases = group('coordination.k8s.io/v1', namespace, 'leases');
      await cluster.must(201, 'PUT', `${leases}/x`, lease);
      const roles = group(rbac, namespace, 'roles');
      const role = { apiVersion: rbac, kind: 'Role', metadata, rules };
      await cluster.must(201, 'PUT', `${roles}/x`, role);
      await cluster.must(200, 'PUT', `${roles}/x`, role);
      const service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: { ports: [{ port: 80 }] },
      };
      const services = core(namespace, 'services');
      await cluster.must(201, 'PUT', `${services}/x`, service);
      await refused(cluster, 400, 'BadRequest', 'PUT', `${services}/y`, service);
      await cluster.must(201, 'POST', group(rbac, namespace, 'rolebindings'), {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'x' },
        subjects: [{ kind: 'ServiceAccount', name: 'writer', namespace }],
      });
      const token = await cluster.token(namespace, 'writer');
      await cluster.until('the role counts', async () => {
        const answer = await cluster.call('PUT', `${services}/x`, service, { token });
        return answer.status === 200;
      });
      const other = { ...service, metadata: { name: 'y' } };
      await refused(cluster, 403, 'Forbidden', 'PUT', `${services}/y`, other, { token });
    },
  },
];
