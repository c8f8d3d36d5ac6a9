/** Strategic merge, JSON Patch and server-side apply as functions of values. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyConfig } from '#devcluster/apply/apply.ts';
import { readManagers, trackUpdate } from '#devcluster/apply/managers.ts';
import { jsonPatch, mergePatch } from '#devcluster/patch/json-patch.ts';
import { strategicMerge } from '#devcluster/patch/strategic.ts';
import { builtinSchema } from '#devcluster/schema/builtin.ts';
import { asObject, at, type JsonObject, type KubeObject } from '#devcluster/values/json.ts';
import { ApiError } from '#devcluster/values/status.ts';

const deployment = builtinSchema('V1Deployment');
const service = builtinSchema('V1Service');
const pod = builtinSchema('V1Pod');

const strategic = (
  what: string,
  schema: typeof pod,
  target: JsonObject,
  patch: JsonObject,
  expected: JsonObject,
) =>
  test(`a strategic merge patch ${what}`, () => {
    assert.deepEqual(strategicMerge(schema, target, patch), expected);
  });

strategic(
  'merges containers by name and their environment by name',
  pod,
  {
    spec: {
      containers: [{ name: 'a', image: '1', env: [{ name: 'X', value: '1' }] }, { name: 'b' }],
    },
  },
  { spec: { containers: [{ name: 'a', image: '2', env: [{ name: 'Y', value: '2' }] }] } },
  {
    spec: {
      containers: [
        {
          name: 'a',
          image: '2',
          env: [
            { name: 'X', value: '1' },
            { name: 'Y', value: '2' },
          ],
        },
        { name: 'b' },
      ],
    },
  },
);
strategic(
  'deletes an item by $patch and merges Service ports by port',
  service,
  {
    spec: {
      ports: [
        { port: 80, name: 'a' },
        { port: 81, name: 'b' },
      ],
    },
  },
  {
    spec: {
      ports: [
        { port: 80, $patch: 'delete' },
        { port: 81, targetPort: 9 },
      ],
    },
  },
  { spec: { ports: [{ port: 81, name: 'b', targetPort: 9 }] } },
);
strategic(
  'removes from primitive lists, adds finalizers once, and replaces atomic lists',
  pod,
  { metadata: { finalizers: ['a', 'b'] }, spec: { tolerations: [{ key: 'x' }] } },
  {
    metadata: { finalizers: ['a', 'c'], '$deleteFromPrimitiveList/finalizers': ['b'] },
    spec: { tolerations: [{ key: 'y' }] },
  },
  { metadata: { finalizers: ['a', 'c'] }, spec: { tolerations: [{ key: 'y' }] } },
);
strategic(
  'keeps only retained keys and follows $setElementOrder',
  deployment,
  {
    spec: {
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
      template: { spec: { containers: [{ name: 'a' }, { name: 'b' }] } },
    },
  },
  {
    spec: {
      strategy: { $retainKeys: ['type'], type: 'Recreate' },
      template: { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } },
    },
  },
  {
    spec: {
      strategy: { type: 'Recreate' },
      template: { spec: { containers: [{ name: 'b' }, { name: 'a' }] } },
    },
  },
);

test('a JSON patch follows RFC 6902 and fails whole', () => {
  const document = { list: [1, 2], map: { 'a/b': 1 } };
  const patched = jsonPatch(document, [
    { op: 'test', path: '/map/a~1b', value: 1 },
    { op: 'add', path: '/list/-', value: 3 },
    { op: 'move', from: '/map/a~1b', path: '/moved' },
    { op: 'remove', path: '/list/0' },
  ]);
  assert.deepEqual(patched, { list: [2, 3], map: {}, moved: 1 });
  assert.deepEqual(document, { list: [1, 2], map: { 'a/b': 1 } });
  assert.throws(() => jsonPatch(document, [{ op: 'remove', path: '/none' }]), ApiError);
  assert.deepEqual(mergePatch({ a: 1, b: { c: 2 } }, { a: null, b: { d: 3 } }), {
    b: { c: 2, d: 3 },
  });
});

const writer = (name: string) => ({
  name,
  apiVersion: 'v1',
  subresource: '',
  time: '2026-01-01T00:00:00Z',
});
const live = (spec: JsonObject): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
  spec,
});
const apply = (object: KubeObject, name: string, spec: JsonObject, force = false) =>
  applyConfig(service, object, { metadata: { name: 's' }, spec }, writer(name), force);

test('an apply owns what it names, merges lists by key, and removes what it no longer names', () => {
  const first = apply(live({}), 'a', { ports: [{ port: 80 }, { port: 81, protocol: 'TCP' }] });
  const second = apply(first, 'b', { ports: [{ port: 90, protocol: 'UDP' }] });
  assert.deepEqual(at(second, 'spec', 'ports'), [
    { port: 80 },
    { port: 81, protocol: 'TCP' },
    { port: 90, protocol: 'UDP' },
  ]);
  const third = apply(second, 'a', { ports: [{ port: 81 }] });
  assert.deepEqual(at(third, 'spec', 'ports'), [{ port: 81 }, { port: 90, protocol: 'UDP' }]);
});

test('two appliers of the same value share it; another value is a conflict until forced', () => {
  const first = apply(live({}), 'a', { type: 'ClusterIP' });
  const shared = apply(first, 'b', { type: 'ClusterIP' });
  assert.equal(readManagers(shared).length, 2);
  assert.throws(
    () => apply(shared, 'b', { type: 'NodePort' }),
    (error: ApiError) => {
      assert.equal(error.code, 409);
      assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "a": .spec.type');
      return true;
    },
  );
  const forced = apply(shared, 'b', { type: 'NodePort' }, true);
  assert.deepEqual(
    readManagers(forced).map((manager) => manager.name),
    ['b'],
  );
});

test('an update takes the fields it changes from their appliers', () => {
  const first = apply(live({}), 'a', { type: 'ClusterIP', selector: { app: 'x' } });
  const changed = { ...first, spec: { ...asObject(first.spec), type: 'NodePort' } };
  const updated = trackUpdate(service, first, changed, writer('kubectl'));
  const [applier, updater] = readManagers(updated);
  assert.deepEqual(applier?.fields.toJson(), { 'f:spec': { 'f:selector': {} } });
  assert.deepEqual(updater?.fields.toJson(), { 'f:spec': { 'f:type': {} } });
  assert.equal(updater?.operation, 'Update');
});
