/**
 * The three patches that are not server-side apply.
 */
import assert from 'node:assert/strict';
import { asObjects, at, type Json } from '#devcluster/values/json.ts';
import { apiConcepts, type ContractCase, docs, kep } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { configMap, core, group, PATCH, refused, versionOf } from '../kit.ts';

const STRATEGIC = docs(
  'tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/#notes-on-the-strategic-merge-patch',
);

async function service(cluster: CaseCluster): Promise<string> {
  const path = core(await cluster.namespace(), 'services');
  await cluster.must(201, 'POST', path, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'x', labels: { a: '1', b: '2' }, finalizers: ['example.com/one'] },
    spec: { ports: [{ name: 'http', port: 80 }] },
  });
  cluster.afterwards(`${path}/x`);
  return `${path}/x`;
}

function patched(cluster: CaseCluster, path: string, type: string, body: Json) {
  return cluster.must(200, 'PATCH', path, body, { type });
}

export const patches: readonly ContractCase[] = [
  {
    name: 'a JSON merge patch sets, removes with null, and replaces lists whole',
    source: 'https://www.rfc-editor.org/rfc/rfc7396',
    async run(cluster) {
      const path = await service(cluster);
      const labels = { a: null, c: '3' };
      const ports = [{ name: 'dns', port: 53, protocol: 'UDP' }];
      const finalizers: Json = null;
      const body = { metadata: { labels, finalizers }, spec: { ports } };
      const answer = await patched(cluster, path, PATCH.merge, body);
      assert.deepEqual(metaOf(answer).labels, { b: '2', c: '3' });
      assert.deepEqual(
        asObjects(at(answer, 'spec', 'ports')).map(({ name }) => name),
        ['dns'],
      );
    },
  },
  {
    name: 'a strategic merge patch merges ports by their number and sets of finalizers',
    source: STRATEGIC,
    async run(cluster) {
      const path = await service(cluster);
      const ports = [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { port: 80, name: 'web' },
      ];
      const body = { metadata: { finalizers: ['example.com/two'] }, spec: { ports } };
      const answer = await patched(cluster, path, PATCH.strategic, body);
      const names = asObjects(at(answer, 'spec', 'ports')).map(({ name, port }) => [name, port]);
      assert.deepEqual(names.sort(), [
        ['dns', 53],
        ['web', 80],
      ]);
      const { finalizers } = metaOf(answer);
      assert.deepEqual([...(finalizers as string[])].sort(), [
        'example.com/one',
        'example.com/two',
      ]);
      await patched(cluster, path, PATCH.merge, { metadata: { finalizers: null } });
    },
  },
  {
    name: 'a strategic merge patch deletes and replaces by directive',
    source: STRATEGIC,
    async run(cluster) {
      const path = await service(cluster);
      const ports = [{ port: 53, protocol: 'UDP', name: 'dns' }];
      await patched(cluster, path, PATCH.strategic, { spec: { ports } });
      const removal = { spec: { ports: [{ $patch: 'delete', port: 80 }] } };
      const less = await patched(cluster, path, PATCH.strategic, removal);
      assert.deepEqual(
        asObjects(at(less, 'spec', 'ports')).map(({ name }) => name),
        ['dns'],
      );
      const labels = { $patch: 'replace', z: '26' };
      const replaced = await patched(cluster, path, PATCH.strategic, { metadata: { labels } });
      assert.deepEqual(metaOf(replaced).labels, { z: '26' });
      const finalizers = ['example.com/one'];
      const gone = { metadata: { '$deleteFromPrimitiveList/finalizers': finalizers } };
      const free = await patched(cluster, path, PATCH.strategic, gone);
      assert.equal(metaOf(free).finalizers, undefined);
    },
  },
  {
    name: 'custom objects know no strategic merge patch: 415',
    source: apiConcepts('patch-and-apply'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const path = group('multicluster.x-k8s.io/v1beta1', namespace, 'serviceexports');
      await cluster.install();
      await cluster.must(201, 'POST', path, {
        apiVersion: 'multicluster.x-k8s.io/v1beta1',
        kind: 'ServiceExport',
        metadata: { name: 'x' },
      });
      const type = PATCH.strategic;
      await refused(cluster, 415, 'UnsupportedMediaType', 'PATCH', `${path}/x`, {}, { type });
    },
  },
  {
    name: 'a JSON patch adds, replaces, removes, moves, copies and tests, in order and all or none',
    source: 'https://www.rfc-editor.org/rfc/rfc6902',
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const made = await cluster.must(201, 'POST', path, configMap('x', { a: '1', b: '2' }));
      const answer = await patched(cluster, `${path}/x`, PATCH.json, [
        { op: 'test', path: '/metadata/resourceVersion', value: versionOf(made) },
        { op: 'add', path: '/data/d', value: '4' },
        { op: 'replace', path: '/data/a', value: '9' },
        { op: 'move', from: '/data/b', path: '/data/e' },
        { op: 'add', path: '/metadata/labels', value: {} },
        { op: 'add', path: '/metadata/labels/example.com~1g', value: '7' },
        { op: 'copy', from: '/data/a', path: '/data/f' },
        { op: 'remove', path: '/data/d' },
      ]);
      assert.deepEqual(answer.data, { a: '9', e: '2', f: '9' });
      assert.deepEqual(metaOf(answer).labels, { 'example.com/g': '7' });
      const type = PATCH.json;
      const wrong = [
        { op: 'remove', path: '/data/a' },
        { op: 'test', path: '/data/e', value: 'no' },
      ];
      await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x`, wrong, { type });
      const live = await cluster.must(200, 'GET', `${path}/x`);
      assert.deepEqual(live.data, { a: '9', e: '2', f: '9' });
    },
  },
  {
    name: 'a patch with the version of an older state is a 409',
    source: apiConcepts('patch-and-apply'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const made = await cluster.must(201, 'POST', path, configMap('x'));
      await patched(cluster, `${path}/x`, PATCH.merge, { data: { a: '2' } });
      const body = { metadata: { resourceVersion: versionOf(made) }, data: { a: '3' } };
      for (const type of [PATCH.merge, PATCH.strategic]) {
        await refused(cluster, 409, 'Conflict', 'PATCH', `${path}/x`, body, { type });
      }
    },
  },
  {
    name: 'a patch of an unknown type is a 415 that lists the known ones',
    source: apiConcepts('patch-and-apply'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      for (const type of ['application/json', 'text/plain']) {
        const url = `${path}/x`;
        const answer = await refused(
          cluster,
          415,
          'UnsupportedMediaType',
          'PATCH',
          url,
          {},
          { type },
        );
        for (const known of Object.values(PATCH)) assert.ok(answer.message.includes(known), known);
      }
    },
  },
  {
    name: 'a patch of what is not there is a 404, except apply',
    source: apiConcepts('patch-and-apply'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'none');
      for (const type of [PATCH.merge, PATCH.strategic]) {
        await refused(cluster, 404, 'NotFound', 'PATCH', path, {}, { type });
      }
      await refused(cluster, 404, 'NotFound', 'PATCH', path, [], { type: PATCH.json });
    },
  },
  {
    name: 'a patch that gives the object another name is a 400, and makes nothing of that name',
    source: apiConcepts('patch-and-apply'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      const json = [{ op: 'replace', path: '/metadata/name', value: 'y' }];
      const renamed = { metadata: { name: 'y' } };
      const patches: readonly [string, Json][] = [
        [PATCH.json, json],
        [PATCH.merge, renamed],
        [PATCH.strategic, renamed],
      ];
      for (const [type, body] of patches) {
        const { message } = await refused(cluster, 400, 'BadRequest', 'PATCH', `${path}/x`, body, {
          type,
        });
        const why = 'the name of the object (y) does not match the name on the URL (x)';
        assert.equal(message, why);
      }
      await refused(cluster, 404, 'NotFound', 'GET', `${path}/y`);
    },
  },
  {
    name: 'a patch that cannot be read is a 400',
    source: apiConcepts('patch-and-apply'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      for (const type of [PATCH.merge, PATCH.json, PATCH.strategic]) {
        await refused(cluster, 400, 'BadRequest', 'PATCH', `${path}/x`, '{"a":', { type });
      }
    },
  },
  {
    name: 'a patch that leads to unknown fields or other types is a 422 about the patch, where a body is a 400',
    source: kep(2885),
    async run(cluster) {
      const path = await service(cluster);
      const merge = { spec: { surprise: 1 } };
      const add = [{ op: 'add', path: '/spec/surprise', value: 1 }];
      const strict = `${path}?fieldValidation=Strict`;
      for (const [type, patch] of [
        [PATCH.merge, merge],
        [PATCH.strategic, merge],
        [PATCH.json, add],
      ] as const) {
        const answer = await refused(cluster, 422, 'Invalid', 'PATCH', strict, patch, { type });
        assert.deepEqual(answer.causes, ['FieldValueInvalid patch']);
        assert.match(answer.message, /strict decoding error: unknown field "spec.surprise"/);
      }
      const wrong = { spec: { ports: 'none' } };
      const type = PATCH.merge;
      const answer = await refused(cluster, 422, 'Invalid', 'PATCH', path, wrong, { type });
      assert.deepEqual(answer.causes, ['FieldValueInvalid patch']);
    },
  },
];
