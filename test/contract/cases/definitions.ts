/**
 * Custom resources, by the definitions of `manifests/crds` themselves.
 */
import assert from 'node:assert/strict';
import { asObject, asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, conventions, docs } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { definitions as shipped } from '../definitions.ts';
import { group, PATCH, refused, versionOf } from '../kit.ts';
import { ANY, CRDS, established, own } from '../things.ts';

const PAGE = (section: string) =>
  docs(`tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#${section}`);

async function linksPath(cluster: CaseCluster): Promise<string> {
  await cluster.install();
  return group('isthmus.dev/v1alpha1', await cluster.namespace(), 'links');
}

function link(spec: JsonObject, more: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'isthmus.dev/v1alpha1',
    kind: 'Link',
    metadata: { name: 'x' },
    spec,
    ...more,
  };
}

const GOOD = { clusterName: 'east', trustDomain: 'east.isthmus.local', trustBundle: 'pem' };

export const definitions: readonly ContractCase[] = [
  {
    name: 'a definition is served once its names are accepted and it is established',
    source: PAGE('create-a-customresourcedefinition'),
    async run(cluster) {
      const definition = own(cluster, ANY);
      const path = await established(cluster, definition);
      const found = await cluster.must(200, 'GET', `${CRDS}/${metaOf(definition).name}`);
      const conditions = asObjects(at(found, 'status', 'conditions'));
      const types = conditions.map(({ type, status }) => `${type} ${status}`);
      for (const type of ['Established True', 'NamesAccepted True']) {
        assert.ok(types.includes(type), String(types));
      }
      assert.deepEqual(at(found, 'status', 'storedVersions'), ['v1']);
      const list = await cluster.must(200, 'GET', path);
      assert.equal(list.kind, 'ThingList');
    },
  },
  {
    name: 'a deleted definition takes its objects along and is served no longer',
    source: PAGE('delete-a-customresourcedefinition'),
    async run(cluster) {
      const definition = own(cluster, ANY);
      const path = await established(cluster, definition);
      const thing = {
        apiVersion: `g${cluster.unique}.example.com/v1`,
        kind: 'Thing',
        metadata: { name: 'x' },
      };
      await cluster.must(201, 'POST', path, thing);
      const watch = cluster.watch(`${path}?watch=true`);
      await cluster.until('it is open', () => watch.lines.length > 0);
      await cluster.must(200, 'DELETE', `${CRDS}/${metaOf(definition).name}`);
      await cluster.until(
        'nobody answers',
        async () => (await cluster.call('GET', path)).status === 404,
        30_000,
      );
      await cluster.until('the watch ends', () => watch.ended, 30_000);
    },
  },
  {
    name: 'a definition is called after its plural and group, and has a structural schema',
    source: PAGE('specifying-a-structural-schema'),
    async run(cluster) {
      const misnamed = { ...own(cluster, ANY), metadata: { name: 'other.example.com' } };
      const named = await refused(cluster, 422, 'Invalid', 'POST', CRDS, misnamed);
      assert.ok(named.causes.includes('FieldValueInvalid metadata.name'), String(named.causes));
      const loose = own(cluster, { type: 'object', properties: { spec: {} } });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', CRDS, loose);
      assert.ok(
        causes.some((cause) => /openAPIV3Schema.*properties\[spec\]\.type$/.test(cause)),
        String(causes),
      );
    },
  },
  {
    name: 'scope and kind of a definition stay, and so does a version that objects were kept in',
    source: docs(
      'tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#upgrade-existing-objects-to-a-new-stored-version',
    ),
    async run(cluster) {
      const definition = own(cluster, ANY);
      await established(cluster, definition);
      const path = `${CRDS}/${asString(metaOf(definition).name)}`;
      const [version] = asObjects(at(definition, 'spec', 'versions'));
      for (const [spec, field] of [
        [{ scope: 'Cluster' }, 'spec.scope'],
        [{ names: { kind: 'Other' } }, 'spec.names.kind'],
        [{ versions: [{ ...version, name: 'v2' }] }, 'status.storedVersions[0]'],
        [{ versions: [version ?? {}, version ?? {}] }, 'spec.versions'],
      ] as const) {
        const type = PATCH.merge;
        const body = { spec: spec as JsonObject };
        const { causes } = await refused(cluster, 422, 'Invalid', 'PATCH', path, body, { type });
        assert.ok(causes.includes(`FieldValueInvalid ${field}`), `${field}: ${causes}`);
      }
    },
  },
  {
    name: 'the definitions of Isthmus are established, and their versions served',
    source: PAGE('create-a-customresourcedefinition'),
    async run(cluster) {
      await cluster.install();
      for (const definition of shipped()) {
        const spec = asObject(definition.spec);
        const plural = asString(asObject(spec.names).plural);
        for (const version of asObjects(spec.versions)) {
          const path = `/apis/${spec.group}/${version.name}/${plural}`;
          await cluster.must(200, 'GET', path);
        }
      }
    },
  },
  {
    name: 'a custom object is given the defaults of its schema, also when it is read',
    source: PAGE('defaulting'),
    async run(cluster) {
      const path = await linksPath(cluster);
      const made = await cluster.must(
        201,
        'POST',
        path,
        link({ ...GOOD, gateways: [{ host: 'a' }] }),
      );
      assert.deepEqual(made.spec, {
        ...GOOD,
        gateways: [{ host: 'a', port: 4143, transport: 'tls' }],
        import: { createNamespaces: false },
        export: {},
        suspend: false,
      });
    },
  },
  {
    name: 'unknown fields of a custom object are pruned, told, or refused as fieldValidation asks',
    source: PAGE('field-pruning'),
    async run(cluster) {
      const path = await linksPath(cluster);
      const body = link({ ...GOOD, surprise: 1, import: { unknown: true } });
      const told = await cluster.call('POST', path, body);
      assert.equal(told.status, 201, told.text);
      assert.equal(at(told.body, 'spec', 'surprise'), undefined);
      assert.equal(at(told.body, 'spec', 'import', 'unknown'), undefined);
      const warning = String(told.headers.warning);
      assert.ok(warning.includes('299 - "unknown field \\"spec.surprise\\""'), warning);
      assert.ok(warning.includes('299 - "unknown field \\"spec.import.unknown\\""'), warning);
      const strict = `${path}?fieldValidation=Strict`;
      const { message } = await refused(cluster, 400, 'BadRequest', 'POST', strict, {
        ...body,
        metadata: { name: 'y' },
      });
      assert.match(message, /strict decoding error: .*unknown field "spec\.surprise"/);
    },
  },
  {
    name: 'applying a field that the schema does not know is refused by its path',
    source: docs('reference/using-api/server-side-apply/#merge-strategy'),
    async run(cluster) {
      const path = await linksPath(cluster);
      const url = `${path}/x?fieldManager=a`;
      const body = link({ ...GOOD, surprise: 1 });
      const answer = await cluster.call('PATCH', url, body, { type: PATCH.apply });
      assert.ok(answer.status >= 400, answer.text);
      assert.match(answer.text, /\.spec\.surprise: field not declared in schema/);
    },
  },
  {
    name: 'a custom object says its kind, which a built-in one may leave out',
    source: conventions('types-kinds'),
    async run(cluster) {
      const path = await established(cluster, own(cluster, ANY));
      const apiVersion = `g${cluster.unique}.example.com/v1`;
      const body = { apiVersion, metadata: { name: 'x' } };
      const answer = await refused(cluster, 400, 'BadRequest', 'POST', path, body);
      assert.match(answer.message, /Object 'Kind' is missing in/);
      await cluster.must(201, 'POST', path, { ...body, kind: 'Thing' });
    },
  },
  {
    name: 'patterns of a schema are those of Go: flags in front, classes by name, escapes of any sign',
    source: 'https://pkg.go.dev/regexp/syntax',
    async run(cluster) {
      const patterns = {
        sign: [String.raw`^[a-z\_\:\@]+$`, 'a_b:c@d', 'A'],
        flag: ['(?i)^yes$', 'YES', 'no'],
        posix: ['^[[:alpha:]_]+$', 'a_B', 'a1'],
        ends: [String.raw`\A(?P<word>\pL+)\z`, 'wörd', 'two words'],
      } as const;
      const entries = Object.entries(patterns);
      const typed = entries.map(([key, [pattern]]) => [key, { type: 'string', pattern }]);
      const schema = { type: 'object', properties: Object.fromEntries(typed) };
      const path = await established(cluster, own(cluster, schema));
      const head = { apiVersion: `g${cluster.unique}.example.com/v1`, kind: 'Thing' };
      const good = Object.fromEntries(entries.map(([key, [, fits]]) => [key, fits]));
      await cluster.must(201, 'POST', path, { ...head, metadata: { name: 'x' }, ...good });
      for (const [key, [, , wrong]] of entries) {
        const body = { ...head, metadata: { name: 'y' }, ...good, [key]: wrong };
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.deepEqual(causes, [`FieldValueInvalid ${key}`]);
      }
    },
  },
  {
    name: 'a custom object that breaks its schema is a 422 with a cause for each field',
    source: PAGE('validation'),
    async run(cluster) {
      const path = await linksPath(cluster);
      const gateways = [
        { host: '', port: 0, transport: 'tls' },
        { port: 70_000, transport: 'carrier-pigeon' },
      ];
      const body = link({ ...GOOD, clusterName: 'Not A Label', gateways });
      const answer = await refused(cluster, 422, 'Invalid', 'POST', path, body);
      assert.deepEqual([...answer.causes].sort(), [
        'FieldValueInvalid spec.clusterName',
        'FieldValueInvalid spec.gateways[0].host',
        'FieldValueInvalid spec.gateways[0].port',
        'FieldValueInvalid spec.gateways[1].port',
        'FieldValueNotSupported spec.gateways[1].transport',
        'FieldValueRequired spec.gateways[1].host',
      ]);
      const causes = asObjects(answer.details.causes)
        .map(({ field, message }) => `${field}: ${message}`)
        .sort();
      assert.deepEqual(answer.details.kind, 'Link');
      assert.deepEqual(answer.details.group, 'isthmus.dev');
      cluster.record('messages', causes);
    },
  },
  {
    name: 'a field of another type than its schema says is a 422',
    source: PAGE('validation'),
    async run(cluster) {
      const path = await linksPath(cluster);
      const body = link({ ...GOOD, trustDomain: 7 });
      const answer = await refused(cluster, 422, 'Invalid', 'POST', path, body);
      assert.deepEqual(answer.causes, ['FieldValueTypeInvalid spec.trustDomain']);
      assert.match(
        answer.message,
        /spec\.trustDomain: Invalid value: "?integer"?: spec\.trustDomain in body must be of type string: "integer"$/,
      );
      const { spec: _, ...without } = link(GOOD);
      const missing = await refused(cluster, 422, 'Invalid', 'POST', path, without);
      assert.deepEqual(missing.causes, ['FieldValueRequired spec']);
    },
  },
  {
    name: 'the status of a custom object has a door of its own, and does not raise the generation',
    source: PAGE('status-subresource'),
    async run(cluster) {
      const path = await linksPath(cluster);
      const status = { importedServices: 3, exportedServices: 1 };
      const made = await cluster.must(201, 'POST', path, link(GOOD, { status }));
      assert.equal(made.status, undefined, 'no status at birth');
      assert.equal(metaOf(made).generation, 1);
      const url = `${path}/x/status?fieldManager=isthmus&force=true`;
      const condition = {
        type: 'Connected',
        status: 'True',
        reason: 'Connected',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
        observedGeneration: 1,
      };
      const { spec: _, ...head } = link(GOOD);
      const body = { ...head, status: { ...status, conditions: [condition] } };
      const told = await cluster.must(200, 'PATCH', url, body, { type: PATCH.apply });
      assert.equal(at(told, 'status', 'importedServices'), 3);
      assert.deepEqual(at(told, 'status', 'conditions'), [condition]);
      assert.equal(metaOf(told).generation, 1);
      const patch = { spec: { suspend: true } };
      const type = PATCH.merge;
      const changed = await cluster.must(200, 'PATCH', `${path}/x`, patch, { type });
      assert.equal(metaOf(changed).generation, 2);
      assert.equal(at(changed, 'status', 'importedServices'), 3);
    },
  },
  {
    name: 'conditions of a custom object merge by type',
    source: conventions('typical-status-properties'),
    async run(cluster) {
      const path = await linksPath(cluster);
      await cluster.must(201, 'POST', path, link(GOOD));
      const apply = (manager: string, type: string) => {
        const condition = {
          type,
          status: 'True',
          reason: 'Said',
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        };
        const { spec: _, ...head } = link(GOOD);
        const url = `${path}/x/status?fieldManager=${manager}`;
        const body = { ...head, status: { conditions: [condition] } };
        return cluster.must(200, 'PATCH', url, body, { type: PATCH.apply });
      };
      await apply('one', 'Connected');
      const both = await apply('two', 'CatalogSynced');
      const types = asObjects(at(both, 'status', 'conditions')).map(({ type }) => type);
      assert.deepEqual(types, ['Connected', 'CatalogSynced']);
    },
  },
  {
    name: 'one custom object is read in every served version, with the apiVersion asked for',
    source: docs('tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/'),
    async run(cluster) {
      await cluster.install();
      const namespace = await cluster.namespace();
      const api = 'multicluster.x-k8s.io';
      const v1beta1 = group(`${api}/v1beta1`, namespace, 'serviceexports');
      const v1alpha1 = group(`${api}/v1alpha1`, namespace, 'serviceexports');
      const kind = 'ServiceExport';
      const body = { apiVersion: `${api}/v1alpha1`, kind, metadata: { name: 'x' } };
      await cluster.must(201, 'POST', v1alpha1, body);
      const found = await cluster.must(200, 'GET', `${v1beta1}/x`);
      assert.equal(found.apiVersion, `${api}/v1beta1`);
      const older = await cluster.must(200, 'GET', `${v1alpha1}/x`);
      assert.equal(older.apiVersion, `${api}/v1alpha1`);
      assert.equal(versionOf(older), versionOf(found));
    },
  },
  {
    name: 'a table of custom objects has the columns of its definition, wide ones marked',
    source: PAGE('additional-printer-columns'),
    async run(cluster) {
      const path = await linksPath(cluster);
      await cluster.must(201, 'POST', path, link(GOOD));
      const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
      const table = await cluster.must(200, 'GET', path, undefined, { accept });
      assert.equal(table.kind, 'Table');
      const columns = asObjects(table.columnDefinitions).map(
        ({ name, priority }) => `${name}${priority === 0 ? '' : ' wide'}`,
      );
      assert.deepEqual(columns, [
        'Name',
        'Cluster',
        'Connected',
        'Synced',
        'Imported',
        'Exported',
        'Trust wide',
        'Version wide',
        'Age',
      ]);
      const [row] = asObjects(table.rows);
      const cells = (row?.cells ?? []) as unknown[];
      assert.deepEqual(cells.slice(0, 3), ['x', 'east', null]);
      // What columns are described as is for people, and changes with every release.
      const [, ...described] = asObjects(table.columnDefinitions);
      cluster.record('columns', described);
    },
  },
];
