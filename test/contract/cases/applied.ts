/**
 * What server-side apply asks of the object.
 */
import { type ContractCase, docs } from '../case.ts';
import { configMap, core, PATCH, refused } from '../kit.ts';

const PAGE = (section: string) => docs(`reference/using-api/server-side-apply/#${section}`);

export const applied: readonly ContractCase[] = [
  {
    name: 'an applied object says its apiVersion and its kind, which elsewhere may be left out',
    source: PAGE('server-side-apply'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      const { apiVersion, kind, ...rest } = configMap('x');
      const type = PATCH.apply;
      for (const body of [rest, { ...rest, kind }, { ...rest, apiVersion }]) {
        const url = `${path}?fieldManager=isthmus`;
        await refused(cluster, 400, 'BadRequest', 'PATCH', url, body, { type });
      }
    },
  },
  {
    name: 'a pod that is applied needs its account like one that is created',
    source: docs('tasks/configure-pod-container/configure-service-account/'),
    async run(cluster) {
      const path = core(await cluster.namespace(true), 'pods', 'x');
      const body = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'x' },
        spec: { serviceAccountName: 'nobody', containers: [{ name: 'x', image: 'x:1' }] },
      };
      const url = `${path}?fieldManager=isthmus`;
      await refused(cluster, 403, 'Forbidden', 'PATCH', url, body, { type: PATCH.apply });
    },
  },
];
