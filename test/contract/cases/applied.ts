/**
 * What server-side apply asks of the object, and what it does for client-side apply.
 */
import assert from 'node:assert/strict';
import { asObject, asObjects, asString, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs, kep } from '../case.ts';
import { metaOf } from '../cluster.ts';
import { configMap, core, group, PATCH, refused } from '../kit.ts';

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
    name: 'applying a scale owns the replicas, and meets a conflict where somebody else does',
    source: PAGE('transferring-ownership'),
    async run(cluster) {
      const path = group('apps/v1', await cluster.namespace(), 'replicasets');
      const labels = { app: 'x' };
      const template = {
        metadata: { labels },
        spec: { containers: [{ name: 'x', image: 'x:1' }] },
      };
      const spec = { replicas: 0, selector: { matchLabels: labels }, template };
      await cluster.must(201, 'POST', `${path}?fieldManager=maker`, {
        metadata: { name: 'x' },
        spec,
      });
      const scale = {
        apiVersion: 'autoscaling/v1',
        kind: 'Scale',
        metadata: { name: 'x' },
        spec: { replicas: 1 },
      };
      const type = PATCH.apply;
      const url = `${path}/x/scale?fieldManager=scaler`;
      const late = await refused(cluster, 409, 'Conflict', 'PATCH', url, scale, { type });
      assert.deepEqual(late.causes, ['FieldManagerConflict .spec.replicas']);
      const forced = await cluster.must(200, 'PATCH', `${url}&force=true`, scale, { type });
      assert.deepEqual([forced.kind, forced.spec], ['Scale', { replicas: 1 }]);
      const live = await cluster.must(200, 'GET', `${path}/x`);
      const entry = asObjects(metaOf(live).managedFields).find(
        ({ manager }) => manager === 'scaler',
      );
      assert.deepEqual(
        [entry?.operation, entry?.subresource, entry?.apiVersion, entry?.fieldsV1],
        ['Apply', 'scale', 'apps/v1', { 'f:spec': { 'f:replicas': {} } }],
      );
    },
  },
  {
    name: 'who creates an object owns what he said and what is implied, not what the server gives it',
    source: PAGE('field-management'),
    async run(cluster) {
      const namespace = await cluster.namespace(true);
      const ownedBy = async (plural: string, spec: JsonObject) => {
        const url = `${core(namespace, plural)}?fieldManager=maker`;
        const made = await cluster.must(201, 'POST', url, { metadata: { name: 'x' }, spec });
        const entries = asObjects(metaOf(made).managedFields);
        assert.deepEqual(
          entries.map(({ manager }) => manager),
          ['maker'],
        );
        return asObject(entries[0]?.fieldsV1);
      };
      const service = await ownedBy('services', { ports: [{ port: 80 }] });
      assert.deepEqual(Object.keys(service), ['f:spec']);
      assert.deepEqual(Object.keys(asObject(service['f:spec'])), [
        'f:internalTrafficPolicy',
        'f:ports',
        'f:sessionAffinity',
        'f:type',
      ]);
      const pod = await ownedBy('pods', { containers: [{ name: 'x', image: 'x:1' }] });
      const given = ['f:priority', 'f:serviceAccount', 'f:serviceAccountName', 'f:volumes'];
      const spec = asObject(pod['f:spec']);
      assert.deepEqual(
        given.filter((field) => spec[field] !== undefined),
        [],
      );
      const policy = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' } };
      const body = { ...policy, spec: { ipFamilyPolicy: 'PreferDualStack' } };
      const url = `${core(namespace, 'services', 'x')}?fieldManager=other`;
      await cluster.must(200, 'PATCH', url, body, { type: PATCH.apply });
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
  {
    name: 'a list in which two items have one key cannot be applied',
    source: kep(555),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services');
      const port = { name: 'http', port: 80, protocol: 'TCP' };
      const body = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'x' },
        spec: { ports: [port, { ...port, name: 'web' }] },
      };
      const options = { type: PATCH.apply };
      const answer = await cluster.call('PATCH', `${path}/x?fieldManager=me`, body, options);
      assert.equal(answer.status, 500, answer.text);
      const why = '.spec.ports: duplicate entries for key [port=80,protocol="TCP"]';
      assert.ok(asString(answer.body.message).endsWith(why), answer.text);
    },
  },
];
