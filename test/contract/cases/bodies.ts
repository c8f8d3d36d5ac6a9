/**
 * Bodies that can be read, and still mean nothing or two things.
 */
import assert from 'node:assert/strict';
import { apiConcepts, type ContractCase, docs } from '../case.ts';
import { configMap, core, group, refused } from '../kit.ts';

const TWICE =
  '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"},"data":{"a":"1","b":"\\"a\\":","a":"2"}}';

export const bodies: readonly ContractCase[] = [
  {
    name: 'a field that is said twice is told or refused as fieldValidation asks, and the last counts',
    source: apiConcepts('validation-for-unrecognized-or-duplicate-fields'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const strict = `${path}?fieldValidation=Strict`;
      const { message } = await refused(cluster, 400, 'BadRequest', 'POST', strict, TWICE);
      assert.match(message, /strict decoding error: duplicate field "data.a"$/);
      const told = await cluster.call('POST', path, TWICE);
      assert.equal(told.status, 201, told.text);
      assert.deepEqual(told.body.data, { a: '2', b: '"a":' });
      assert.equal(told.headers.warning, '299 - "duplicate field \\"data.a\\""');
    },
  },
  {
    name: 'bytes are base64 wherever they stand',
    source: docs('reference/kubernetes-api/config-and-storage-resources/config-map-v1/'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const wrong = { ...configMap('x'), binaryData: { b: '%%%' } };
      const { message } = await refused(cluster, 400, 'BadRequest', 'POST', path, wrong);
      assert.match(message, /illegal base64 data at input byte 0$/);
    },
  },
  {
    name: 'a finalizer of a built-in kind says whose it is',
    source: docs('concepts/overview/working-with-objects/finalizers/'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const path = core(namespace, 'configmaps');
      const finalizers = ['mine'];
      const bare = configMap('x', {}, { finalizers });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, bare);
      assert.deepEqual(causes, ['FieldValueInvalid metadata.finalizers[0]']);
      const own = configMap('x', {}, { finalizers: ['example.com/mine', 'orphan'] });
      await cluster.must(201, 'POST', `${path}?dryRun=All`, own);
      const leases = group('coordination.k8s.io/v1', namespace, 'leases');
      const lease = { metadata: { name: 'x', finalizers } };
      await cluster.must(201, 'POST', `${leases}?dryRun=All`, lease);
    },
  },
  {
    name: 'the body of a deletion is DeleteOptions, or nothing is deleted',
    source: apiConcepts('resource-deletion'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      await refused(cluster, 400, 'BadRequest', 'DELETE', `${path}/x`, configMap('x'));
      const options = { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' };
      await cluster.must(200, 'DELETE', `${path}/x`, options);
    },
  },
];
