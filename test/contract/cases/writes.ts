/**
 * Creating, replacing and deleting: names, versions, preconditions, dry runs.
 */
import assert from 'node:assert/strict';
import { asObject, asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { apiConcepts, type ContractCase, conventions, docs } from '../case.ts';
import { metaOf } from '../cluster.ts';
import { configMap, core, group, namesOf, PATCH, refused, versionOf } from '../kit.ts';

const LEASE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };

export const writes: readonly ContractCase[] = [
  {
    name: 'what is created has an id, a version, a time and an owner of its fields',
    source: conventions('metadata'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const made = await cluster.must(201, 'POST', `${path}?fieldManager=a`, configMap('x'));
      const meta = metaOf(made);
      assert.match(asString(meta.uid), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.match(asString(meta.creationTimestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.match(versionOf(made), /^[1-9]\d*$/);
      cluster.record('a ConfigMap', made);
    },
  },
  {
    name: 'a name that is taken is a 409 AlreadyExists',
    source: apiConcepts('api-verbs'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      const answer = await refused(cluster, 409, 'AlreadyExists', 'POST', path, configMap('x'));
      assert.equal(answer.message, 'configmaps "x" already exists');
      assert.deepEqual(answer.details, { name: 'x', kind: 'configmaps' });
    },
  },
  {
    name: 'generateName is completed with five characters, also in a dry run',
    source: apiConcepts('generated-values'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'some-' } };
      for (const query of ['', '?dryRun=All']) {
        const made = await cluster.must(201, 'POST', `${path}${query}`, body);
        assert.match(asString(metaOf(made).name), /^some-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
        assert.equal(metaOf(made).generateName, 'some-');
      }
    },
  },
  {
    name: 'an object without a name is a 422 that says which field is missing',
    source: docs('concepts/overview/working-with-objects/names/'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} };
      const answer = await refused(cluster, 422, 'Invalid', 'POST', path, body);
      assert.equal(
        answer.message,
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
      );
      assert.deepEqual(answer.causes, ['FieldValueRequired metadata.name']);
    },
  },
  {
    name: 'a name that is no DNS subdomain and a label that is none are 422s',
    source: docs('concepts/overview/working-with-objects/names/#dns-subdomain-names'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const named = await refused(cluster, 422, 'Invalid', 'POST', path, configMap('Not_A_Name'));
      assert.deepEqual(named.causes, ['FieldValueInvalid metadata.name']);
      const messages = [named.message];
      // One at a time: which of two comes first is chance in a real server.
      for (const labels of [{ 'bad key': 'x' }, { good: 'bad value' }]) {
        const body = configMap('x', {}, { labels });
        const labelled = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.deepEqual(labelled.causes, ['FieldValueInvalid metadata.labels']);
        messages.push(labelled.message);
      }
      cluster.record('messages', messages);
    },
  },
  {
    name: 'a label value has at most 63 characters, annotations together 256 KiB',
    source: docs('concepts/overview/working-with-objects/labels/#syntax-and-character-set'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const labels = (value: string) => configMap('x', {}, { labels: { a: value } });
      await refused(cluster, 422, 'Invalid', 'POST', path, labels('a'.repeat(64)));
      await cluster.must(201, 'POST', path, labels('a'.repeat(63)));
      const annotations = { a: 'a'.repeat(256 * 1_024) };
      const body = configMap('y', {}, { annotations });
      const answer = await refused(cluster, 422, 'Invalid', 'POST', path, body);
      assert.deepEqual(answer.causes, ['FieldValueTooLong metadata.annotations']);
    },
  },
  {
    name: 'a body of another namespace, another kind or no JSON is a 400',
    source: apiConcepts('api-verbs'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const elsewhere = configMap('x', {}, { namespace: 'default' });
      const answer = await refused(cluster, 400, 'BadRequest', 'POST', path, elsewhere);
      assert.equal(
        answer.message,
        'the namespace of the provided object does not match the namespace sent on the request',
      );
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } };
      await refused(cluster, 400, 'BadRequest', 'POST', path, secret);
      await refused(cluster, 400, 'BadRequest', 'POST', path, '{"kind":');
    },
  },
  {
    name: 'a version in what is to be created is refused',
    source: apiConcepts('resource-versions'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const body = configMap('x', {}, { resourceVersion: '12' });
      const { status, text } = await cluster.call('POST', path, body);
      assert.ok(status >= 400, text);
      assert.match(text, /resourceVersion should not be set on objects to be created/);
    },
  },
  {
    name: 'a write with the version of an older state is a 409 Conflict',
    source: conventions('concurrency-control-and-consistency'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const first = await cluster.must(201, 'POST', path, configMap('x'));
      const newer = { ...first, data: { a: '2' } };
      await cluster.must(200, 'PUT', `${path}/x`, newer);
      const late = await refused(cluster, 409, 'Conflict', 'PUT', `${path}/x`, newer);
      assert.equal(
        late.message,
        'Operation cannot be fulfilled on configmaps "x": the object has been modified; please apply your changes to the latest version and try again',
      );
      assert.deepEqual(late.details, { name: 'x', kind: 'configmaps' });
    },
  },
  {
    name: 'a write without a version replaces a ConfigMap, but is refused for Leases and custom objects',
    source: conventions('concurrency-control-and-consistency'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const path = core(namespace, 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      const put = await cluster.must(200, 'PUT', `${path}/x`, configMap('x', { b: '2' }));
      assert.deepEqual(put.data, { b: '2' }, 'nothing of the old one is left');
      const leases = group('coordination.k8s.io/v1', namespace, 'leases');
      const lease = { ...LEASE, metadata: { name: 'x' }, spec: { holderIdentity: 'a' } };
      await cluster.must(201, 'POST', leases, lease);
      const answer = await refused(cluster, 422, 'Invalid', 'PUT', `${leases}/x`, lease);
      assert.deepEqual(answer.causes, ['FieldValueInvalid metadata.resourceVersion']);
      assert.match(answer.message, /must be specified for an update$/);
    },
  },
  {
    name: 'replacing what is not there is a 404, under another name a 400',
    source: apiConcepts('api-verbs'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const answer = await refused(cluster, 404, 'NotFound', 'PUT', `${path}/x`, configMap('x'));
      assert.equal(answer.message, 'configmaps "x" not found');
      await cluster.must(201, 'POST', path, configMap('x'));
      const other = await refused(cluster, 400, 'BadRequest', 'PUT', `${path}/x`, configMap('y'));
      assert.equal(
        other.message,
        'the name of the object (y) does not match the name on the URL (x)',
      );
    },
  },
  {
    name: 'replacing an object of another uid is a 409',
    source: apiConcepts('resource-versions'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      const uid = '00000000-0000-4000-8000-000000000000';
      const body = configMap('x', { a: '2' }, { uid });
      const answer = await refused(cluster, 409, 'Conflict', 'PUT', `${path}/x`, body);
      assert.match(answer.message, /Precondition failed: UID in precondition: 0{8}/);
    },
  },
  {
    name: 'a write that changes nothing makes no version',
    source: conventions('concurrency-control-and-consistency'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const made = await cluster.must(201, 'POST', `${path}?fieldManager=a`, configMap('x'));
      const put = await cluster.must(200, 'PUT', `${path}/x?fieldManager=a`, made);
      assert.equal(versionOf(put), versionOf(made));
      const type = PATCH.merge;
      const patch = { data: { a: '1' } };
      const url = `${path}/x?fieldManager=a`;
      const patched = await cluster.must(200, 'PATCH', url, patch, { type });
      assert.equal(versionOf(patched), versionOf(made));
    },
  },
  {
    name: 'a dry run answers as if it had been done, and does nothing',
    source: apiConcepts('dry-run'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const dry = await cluster.must(201, 'POST', `${path}?dryRun=All`, configMap('x'));
      assert.match(asString(metaOf(dry).uid), /^[0-9a-f-]{36}$/);
      await refused(cluster, 404, 'NotFound', 'GET', `${path}/x`);
      const made = await cluster.must(201, 'POST', path, configMap('x'));
      const url = `${path}/x?dryRun=All`;
      const put = await cluster.must(200, 'PUT', url, configMap('x', { a: '2' }));
      assert.equal(at(put, 'data', 'a'), '2');
      await cluster.must(200, 'DELETE', `${path}/x`, { dryRun: ['All'] });
      assert.equal(versionOf(await cluster.must(200, 'GET', `${path}/x`)), versionOf(made));
      const some = `${path}?dryRun=Some`;
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', some, configMap('y'));
      assert.deepEqual(causes, ['FieldValueNotSupported dryRun']);
    },
  },
  {
    name: 'a deletion answers with Success and the uid of what is gone',
    source: apiConcepts('resource-deletion'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const made = await cluster.must(201, 'POST', path, configMap('x'));
      const gone = await cluster.must(200, 'DELETE', `${path}/x`);
      assert.equal(gone.kind, 'Status');
      assert.equal(gone.status, 'Success');
      const { uid } = metaOf(made);
      assert.deepEqual(gone.details, { name: 'x', kind: 'configmaps', uid });
      await refused(cluster, 404, 'NotFound', 'DELETE', `${path}/x`);
    },
  },
  {
    name: 'a deletion can insist on a uid and on a version',
    source: docs('reference/kubernetes-api/common-definitions/preconditions/'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const made = await cluster.must(201, 'POST', path, configMap('x'));
      const url = `${path}/x`;
      const other = { preconditions: { uid: '00000000-0000-4000-8000-000000000000' } };
      const uid = await refused(cluster, 409, 'Conflict', 'DELETE', url, other);
      assert.match(uid.message, /^Operation cannot be fulfilled on .*\bUID\b/);
      const old = { preconditions: { resourceVersion: versionOf(made) } };
      await cluster.must(200, 'PUT', url, configMap('x', { a: '2' }));
      const version = await refused(cluster, 409, 'Conflict', 'DELETE', url, old);
      assert.match(version.message, /^Operation cannot be fulfilled on .*\bResourceVersion\b/);
      cluster.record('messages', [
        uid.message.replaceAll(asString(metaOf(made).uid), '<uid>'),
        version.message.replace(/\d{2,}/g, '<version>'),
      ]);
      await cluster.must(200, 'DELETE', url, {
        preconditions: { uid: asString(metaOf(made).uid) },
      });
    },
  },
  {
    name: 'a collection is deleted by its selector',
    source: apiConcepts('api-verbs'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      for (const name of ['x', 'y', 'z']) {
        const labels = { keep: name === 'z' ? 'yes' : 'no' };
        await cluster.must(201, 'POST', path, configMap(name, {}, { labels }));
      }
      await cluster.must(200, 'DELETE', `${path}?labelSelector=keep%3Dno`);
      const left = namesOf(await cluster.must(200, 'GET', path));
      assert.deepEqual(
        left.filter((name) => name.length === 1),
        ['z'],
      );
    },
  },
  {
    name: 'the generation grows with the spec, not with labels or status',
    source: conventions('metadata'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const path = group('apps/v1', namespace, 'deployments');
      const made = await cluster.must(201, 'POST', path, deployment(0));
      assert.equal(metaOf(made).generation, 1);
      const generation = async (patch: JsonObject, part = '') => {
        const url = `${path}/x${part}`;
        const type = PATCH.merge;
        return metaOf(await cluster.must(200, 'PATCH', url, patch, { type })).generation;
      };
      assert.equal(await generation({ metadata: { labels: { a: 'b' } } }), 1);
      assert.equal(await generation({ status: { observedGeneration: 7 } }, '/status'), 1);
      assert.equal(await generation({ spec: { paused: true } }), 2);
      assert.equal(await generation({ spec: { paused: true } }), 2);
      const plain = core(namespace, 'configmaps');
      const other = await cluster.must(201, 'POST', plain, configMap('x'));
      assert.equal(metaOf(other).generation, undefined, 'a ConfigMap has none');
    },
  },
  {
    name: 'spec and status are written through different doors',
    source: conventions('spec-and-status'),
    async run(cluster) {
      const path = group('apps/v1', await cluster.namespace(), 'deployments');
      const body = { ...deployment(0), status: { replicas: 9 } };
      const made = await cluster.must(201, 'POST', path, body);
      assert.equal(at(made, 'status', 'replicas'), undefined, 'no status at birth');
      const live = await cluster.must(200, 'GET', `${path}/x`);
      const spec = { ...asObject(live.spec), paused: true };
      const both = { ...live, spec, status: { replicas: 9 } };
      const { resourceVersion: _, ...metadata } = metaOf(both);
      const put = await cluster.must(200, 'PUT', `${path}/x`, { ...both, metadata });
      assert.equal(at(put, 'spec', 'paused'), true);
      assert.notEqual(at(put, 'status', 'replicas'), 9);
      const { resourceVersion: __, ...later } = metaOf(put);
      const status = { ...put, metadata: later, spec: { ...spec, paused: false } };
      const told = { ...status, status: { observedGeneration: 1, replicas: 9 } };
      const through = await cluster.must(200, 'PUT', `${path}/x/status`, told);
      assert.equal(at(through, 'spec', 'paused'), true);
      assert.equal(at(through, 'status', 'replicas'), 9);
    },
  },
  {
    name: 'unknown fields are dropped, and said, refused or passed over as fieldValidation asks',
    source: apiConcepts('validation-for-unrecognized-or-duplicate-fields'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const body = { ...configMap('x'), spec: 1 };
      const quiet = await cluster.call('POST', `${path}?fieldValidation=Ignore`, body);
      assert.equal(quiet.status, 201);
      assert.equal(quiet.headers.warning, undefined);
      assert.equal(quiet.body.spec, undefined);
      for (const query of ['', '?fieldValidation=Warn']) {
        await cluster.must(200, 'DELETE', `${path}/x`);
        const told = await cluster.call('POST', `${path}${query}`, body);
        assert.equal(told.status, 201);
        assert.equal(told.headers.warning, '299 - "unknown field \\"spec\\""');
      }
      const strict = `${path}?fieldValidation=Strict`;
      const answer = await refused(cluster, 400, 'BadRequest', 'POST', strict, {
        ...body,
        metadata: { name: 'y' },
      });
      assert.match(answer.message, /strict decoding error: unknown field "spec"$/);
    },
  },
  {
    name: 'a body may be YAML',
    source: apiConcepts('alternate-representations-of-resources'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: "1"\n';
      const made = await cluster.must(201, 'POST', path, body, { type: 'application/yaml' });
      assert.deepEqual(made.data, { a: '1' });
    },
  },
  {
    name: 'an update cannot change what is immutable in the metadata',
    source: conventions('metadata'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const made = await cluster.must(201, 'POST', path, configMap('x'));
      const type = PATCH.merge;
      const patch = { metadata: { creationTimestamp: '2020-01-01T00:00:00Z', selfLink: '/x' } };
      const answer = await cluster.call('PATCH', `${path}/x`, patch, { type });
      const live = await cluster.must(200, 'GET', `${path}/x`);
      assert.equal(metaOf(live).creationTimestamp, metaOf(made).creationTimestamp, answer.text);
      assert.equal(asObjects(metaOf(live).managedFields).length > 0, true);
    },
  },
];

function deployment(replicas: number): JsonObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'x' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'x' } },
      template: {
        metadata: { labels: { app: 'x' } },
        spec: { containers: [{ name: 'x', image: 'x:1' }] },
      },
    },
  };
}
