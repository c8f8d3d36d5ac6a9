/**
 * Server-side apply: who owns which field, and what happens when two want the same.
 */
import assert from 'node:assert/strict';
import { asObject, asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { configMap, core, group, PATCH, refused, versionOf } from '../kit.ts';

const PAGE = (section: string) => docs(`reference/using-api/server-side-apply/#${section}`);

/** Applies `body` as `manager`; the answer must have `status`. */
async function apply(
  cluster: CaseCluster,
  path: string,
  manager: string,
  body: JsonObject,
  status = 200,
  query = '',
): Promise<JsonObject> {
  const url = `${path}?fieldManager=${manager}${query}`;
  return cluster.must(status, 'PATCH', url, body, { type: PATCH.apply });
}

function entries(object: JsonObject): string[] {
  return asObjects(metaOf(object).managedFields)
    .map((each) =>
      [each.manager, each.operation, each.subresource ?? '']
        .map((part) => asString(part))
        .join(' '),
    )
    .sort();
}

function service(ports: JsonObject[], more: JsonObject = {}): JsonObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: { ports, ...more } };
}

export const applies: readonly ContractCase[] = [
  {
    name: 'applying what is not there creates it, with an entry of the manager',
    source: PAGE('serialization'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      const made = await apply(cluster, path, 'isthmus', configMap('x'), 201);
      assert.deepEqual(entries(made), ['isthmus Apply ']);
      const [entry] = asObjects(metaOf(made).managedFields);
      assert.deepEqual(asObject(entry).fieldsV1, { 'f:data': { 'f:a': {} } });
      assert.equal(asObject(entry).fieldsType, 'FieldsV1');
      cluster.record('an applied ConfigMap', made);
    },
  },
  {
    name: 'applying without a field manager is a 422',
    source: PAGE('managers'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      const type = PATCH.apply;
      const answer = await refused(cluster, 422, 'Invalid', 'PATCH', path, configMap('x'), {
        type,
      });
      assert.deepEqual(answer.causes, ['FieldValueRequired fieldManager']);
      assert.equal(
        answer.message,
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
      );
    },
  },
  {
    name: 'what a manager applied and leaves out is removed, what others own stays',
    source: PAGE('field-management'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      await apply(cluster, path, 'one', configMap('x', { a: '1', b: '1' }), 201);
      const both = await apply(cluster, path, 'two', configMap('x', { c: '2' }));
      assert.deepEqual(both.data, { a: '1', b: '1', c: '2' });
      const less = await apply(cluster, path, 'one', configMap('x', { a: '1' }));
      assert.deepEqual(less.data, { a: '1', c: '2' });
    },
  },
  {
    name: 'a field that two managers apply with one value is owned by both, and goes with the last',
    source: PAGE('sharing-field-management'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      await apply(cluster, path, 'one', configMap('x', { a: '1' }), 201);
      await apply(cluster, path, 'two', configMap('x', { a: '1' }));
      const kept = await apply(cluster, path, 'one', configMap('x', {}));
      assert.deepEqual(kept.data, { a: '1' });
      const gone = await apply(cluster, path, 'two', configMap('x', {}));
      assert.equal(at(gone, 'data', 'a'), undefined);
    },
  },
  {
    name: "another manager's field with another value is a 409 that names manager and field",
    source: PAGE('conflicts'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      await apply(cluster, path, 'one', configMap('x', { a: '1', b: '1' }), 201);
      const url = `${path}?fieldManager=two`;
      const type = PATCH.apply;
      const single = await refused(
        cluster,
        409,
        'Conflict',
        'PATCH',
        url,
        configMap('x', { a: '2' }),
        {
          type,
        },
      );
      assert.equal(single.message, 'Apply failed with 1 conflict: conflict with "one": .data.a');
      assert.deepEqual(single.details, {
        causes: [
          { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
        ],
      });
      const double = await refused(
        cluster,
        409,
        'Conflict',
        'PATCH',
        url,
        configMap('x', { a: '2', b: '2' }),
        { type },
      );
      assert.equal(
        double.message,
        'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b',
      );
    },
  },
  {
    name: 'a conflict with a manager that updated names the version it used',
    source: PAGE('conflicts'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', `${path}?fieldManager=hand`, configMap('x'));
      const url = `${path}/x?fieldManager=two`;
      const body = configMap('x', { a: '2' });
      const type = PATCH.apply;
      const answer = await refused(cluster, 409, 'Conflict', 'PATCH', url, body, { type });
      assert.equal(
        answer.message,
        'Apply failed with 1 conflict: conflict with "hand" using v1: .data.a',
      );
    },
  },
  {
    name: 'force takes the field over, and the other manager owns it no longer',
    source: PAGE('conflicts'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      await apply(cluster, path, 'one', configMap('x', { a: '1' }), 201);
      const taken = await apply(
        cluster,
        path,
        'two',
        configMap('x', { a: '2' }),
        200,
        '&force=true',
      );
      assert.deepEqual(taken.data, { a: '2' });
      assert.deepEqual(entries(taken), ['two Apply '], 'nobody owns nothing');
      const kept = await apply(cluster, path, 'one', configMap('x', {}));
      assert.deepEqual(kept.data, { a: '2' });
    },
  },
  {
    name: 'force is for applying only',
    source: PAGE('conflicts'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      const url = `${path}/x?fieldManager=a&force=true`;
      const type = PATCH.merge;
      const answer = await refused(cluster, 422, 'Invalid', 'PATCH', url, {}, { type });
      assert.deepEqual(answer.causes, ['FieldValueForbidden force']);
    },
  },
  {
    name: 'applying the same again makes no version',
    source: PAGE('serialization'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      const made = await apply(cluster, path, 'isthmus', configMap('x'), 201, '&force=true');
      await cluster.pause(1_100);
      const again = await apply(cluster, path, 'isthmus', configMap('x'), 200, '&force=true');
      assert.equal(versionOf(again), versionOf(made));
    },
  },
  {
    name: 'ports of a Service merge by port and protocol, each with its owner',
    source: PAGE('merge-strategy'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'services', 'x');
      const http = { name: 'http', port: 80, protocol: 'TCP' };
      const dns = { name: 'dns', port: 53, protocol: 'UDP' };
      await apply(cluster, path, 'one', service([http]), 201);
      const both = await apply(cluster, path, 'two', service([dns]));
      assert.deepEqual(
        asObjects(at(both, 'spec', 'ports')).map(({ name }) => name),
        ['http', 'dns'],
      );
      const less = await apply(cluster, path, 'one', service([]));
      assert.deepEqual(
        asObjects(at(less, 'spec', 'ports')).map(({ name }) => name),
        ['dns'],
      );
    },
  },
  {
    name: 'endpoints of a slice are one value: who applies them replaces them all',
    source: PAGE('merge-strategy'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const path = group('discovery.k8s.io/v1', namespace, 'endpointslices', 'x');
      const slice = (...addresses: string[]) => ({
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'x' },
        addressType: 'IPv4',
        endpoints: addresses.map((address) => ({ addresses: [address] })),
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      });
      await apply(cluster, path, 'isthmus', slice('10.0.0.1', '10.0.0.2'), 201);
      const changed = await apply(cluster, path, 'isthmus', slice('10.0.0.3'));
      assert.deepEqual(
        asObjects(changed.endpoints).map(({ addresses }) => addresses),
        [['10.0.0.3']],
      );
      const url = `${path}?fieldManager=two`;
      const type = PATCH.apply;
      const body = slice('10.0.0.4');
      const answer = await refused(cluster, 409, 'Conflict', 'PATCH', url, body, { type });
      assert.match(answer.message, /^Apply failed with 1 conflict: .*: \.endpoints$/);
    },
  },
  {
    name: 'labels and annotations are owned one by one',
    source: PAGE('merge-strategy'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      const meta = (labels: JsonObject) => configMap('x', {}, { labels });
      await apply(cluster, path, 'one', meta({ a: '1' }), 201);
      await apply(cluster, path, 'two', meta({ b: '2' }));
      const less = await apply(cluster, path, 'one', configMap('x', {}));
      assert.deepEqual(metaOf(less).labels, { b: '2' });
    },
  },
  {
    name: 'status is applied through its own door, and owned apart',
    source: PAGE('using-server-side-apply-in-a-controller'),
    async run(cluster) {
      const path = group('apps/v1', await cluster.namespace(), 'deployments', 'x');
      const head = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } };
      const template = {
        metadata: { labels: { app: 'x' } },
        spec: { containers: [{ name: 'x', image: 'x:1' }] },
      };
      const spec = { paused: true, replicas: 0, selector: { matchLabels: { app: 'x' } }, template };
      await apply(cluster, path, 'one', { ...head, spec }, 201);
      const condition = { type: 'Contract', status: 'True' };
      const status = { conditions: [condition] };
      const answered = await apply(cluster, `${path}/status`, 'one', { ...head, status });
      const found = asObjects(at(answered, 'status', 'conditions')).map(({ type }) => type);
      assert.ok(found.includes('Contract'), `conditions ${found}`);
      assert.deepEqual(at(answered, 'spec', 'paused'), true);
      assert.ok(entries(answered).includes('one Apply status'), String(entries(answered)));
      assert.ok(entries(answered).includes('one Apply '), String(entries(answered)));
    },
  },
  {
    name: 'applying the status of what is not there is a 404',
    source: PAGE('using-server-side-apply-in-a-controller'),
    async run(cluster) {
      const path = group('apps/v1', await cluster.namespace(), 'deployments', 'none/status');
      const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'none' } };
      const url = `${path}?fieldManager=a&force=true`;
      await refused(cluster, 404, 'NotFound', 'PATCH', url, body, { type: PATCH.apply });
    },
  },
  {
    name: 'a dry run of apply answers with what would be, and does nothing',
    source: docs('reference/using-api/api-concepts/#dry-run'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      const dry = await apply(cluster, path, 'one', configMap('x'), 201, '&dryRun=All');
      assert.deepEqual(dry.data, { a: '1' });
      await refused(cluster, 404, 'NotFound', 'GET', path);
    },
  },
  {
    name: 'an applied object may hold a version, and then must be of it',
    source: PAGE('api-implementation'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      const made = await apply(cluster, path, 'one', configMap('x'), 201);
      const stale = configMap('x', { a: '1' }, { resourceVersion: versionOf(made) });
      await apply(cluster, path, 'one', configMap('x', { a: '2' }));
      const url = `${path}?fieldManager=one&force=true`;
      const answer = await refused(cluster, 409, 'Conflict', 'PATCH', url, stale, {
        type: PATCH.apply,
      });
      assert.match(answer.message, /the object has been modified/);
    },
  },
  {
    name: 'an applied object that holds a version is made where there is none, a Service as well',
    source: 'https://github.com/kubernetes/kubernetes/issues/106745',
    async run(cluster) {
      const namespace = await cluster.namespace();
      const metadata = { name: 'x', resourceVersion: '1' };
      const services = { ...service([{ port: 80, protocol: 'TCP' }]), metadata };
      const applied = { configmaps: configMap('x', { a: '1' }, metadata), services };
      for (const [plural, body] of Object.entries(applied)) {
        const path = core(namespace, plural, 'x');
        const made = await apply(cluster, path, 'one', body, 201);
        assert.notEqual(versionOf(made), '1');
        assert.deepEqual(entries(made), ['one Apply ']);
        const url = `${path}?fieldManager=one&force=true`;
        const type = PATCH.apply;
        const answer = await refused(cluster, 409, 'Conflict', 'PATCH', url, body, { type });
        assert.match(answer.message, /the object has been modified/);
      }
    },
  },
  {
    name: 'an applied object may hold a uid, and then must be of it: another is a 422, none a 409',
    source: 'https://github.com/kubernetes/kubernetes/issues/127625',
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      const uid = '00000000-0000-4000-8000-000000000000';
      const body = configMap('x', { a: '2' }, { uid });
      const url = `${path}?fieldManager=one&force=true`;
      const type = PATCH.apply;
      const absent = await refused(cluster, 409, 'Conflict', 'PATCH', url, body, { type });
      assert.match(
        absent.message,
        /: uid mismatch: the provided object specified uid 0{8}-.*, and no existing object was found$/,
      );
      const made = await apply(cluster, path, 'one', configMap('x'), 201);
      const other = await refused(cluster, 422, 'Invalid', 'PATCH', url, body, { type });
      // The real server says it twice of kinds that look at metadata themselves.
      assert.deepEqual([...new Set(other.causes)], ['FieldValueInvalid metadata.uid']);
      assert.match(other.message, /field is immutable/);
      const merge = { type: PATCH.merge };
      await refused(cluster, 422, 'Invalid', 'PATCH', path, { metadata: { uid } }, merge);
      const own = asString(metaOf(made).uid);
      const same = configMap('x', { a: '2' }, { uid: own });
      assert.deepEqual((await apply(cluster, path, 'one', same)).data, { a: '2' });
    },
  },
  {
    name: 'managedFields cannot be applied',
    source: PAGE('clearing-managedfields'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      const made = await apply(cluster, path, 'one', configMap('x'), 201);
      const { managedFields = [] } = metaOf(made);
      const body = configMap('x', { a: '1' }, { managedFields });
      const url = `${path}?fieldManager=one`;
      const answer = await refused(cluster, 400, 'BadRequest', 'PATCH', url, body, {
        type: PATCH.apply,
      });
      assert.equal(answer.message, 'metadata.managedFields must be nil');
    },
  },
  {
    name: 'applying again through create or update first makes another owner',
    source: PAGE('comparison-with-client-side-apply'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', `${path}?fieldManager=hand`, configMap('x'));
      const applied = await apply(cluster, `${path}/x`, 'isthmus', configMap('x'));
      assert.deepEqual(entries(applied), ['hand Update ', 'isthmus Apply ']);
    },
  },
  {
    name: 'an applied body may be YAML',
    source: PAGE('api-implementation'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps', 'x');
      const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: "1"}\n';
      const type = PATCH.apply;
      const url = `${path}?fieldManager=a`;
      const made = await cluster.must(201, 'PATCH', url, body, { type });
      assert.deepEqual(made.data, { a: '1' });
    },
  },
];
