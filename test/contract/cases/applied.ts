/**
 * What server-side apply asks of the object, and what it does for client-side apply.
 */
import assert from 'node:assert/strict';
import { asObject, asString, type JsonObject } from '#devcluster/api/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { metaOf } from '../cluster.ts';
import { configMap, core, PATCH, refused } from '../kit.ts';

const PAGE = (section: string) => docs(`reference/using-api/server-side-apply/#${section}`);
const LAST = 'kubectl.kubernetes.io/last-applied-configuration';

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
  {
    name: 'what kubectl applies by the server it finds as last applied, if it ever applied by itself',
    source: PAGE('migration-between-client-side-and-server-side-apply'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const annotations = { [LAST]: JSON.stringify(configMap('x')) };
      await cluster.must(201, 'POST', path, configMap('x', { a: '1' }, { annotations }));
      const lastAfter = async (manager: string, body: JsonObject) => {
        const url = `${path}/x?fieldManager=${manager}&force=true`;
        const answer = await cluster.must(200, 'PATCH', url, body, { type: PATCH.apply });
        return JSON.parse(asString(asObject(metaOf(answer).annotations)[LAST]));
      };
      const body = configMap('x', { a: '2', b: '2' });
      assert.deepEqual(await lastAfter('other', body), configMap('x'));
      assert.deepEqual(await lastAfter('kubectl', body), body);
    },
  },
];
