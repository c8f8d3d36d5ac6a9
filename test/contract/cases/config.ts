/**
 * Secrets, ConfigMaps, Leases and Events: small kinds with rules of their own.
 */
import assert from 'node:assert/strict';
import { asObject, asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, conventions, docs } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { configMap, core, group, PATCH, refused, versionOf } from '../kit.ts';

const SECRET = docs('concepts/configuration/secret/');
const MIB = 1_024 * 1_024;

function secret(name: string, more: JsonObject): JsonObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...more };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function lease(spec: JsonObject, metadata: JsonObject = {}): JsonObject {
  const apiVersion = 'coordination.k8s.io/v1';
  return { apiVersion, kind: 'Lease', metadata: { name: 'x', ...metadata }, spec };
}

async function leasesPath(cluster: CaseCluster): Promise<string> {
  return group('coordination.k8s.io/v1', await cluster.namespace(), 'leases');
}

function event(namespace: string, more: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'x.1234' },
    involvedObject: { apiVersion: 'v1', kind: 'Service', name: 'x', namespace },
    type: 'Warning',
    reason: 'NameTaken',
    message: 'the name is taken',
    count: 2,
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:01:00Z',
    source: { component: 'isthmus-mirror' },
    reportingComponent: 'isthmus-mirror',
    reportingInstance: 'isthmus-mirror-0',
    ...more,
  };
}

export const config: readonly ContractCase[] = [
  {
    name: 'a Secret is Opaque unless it says otherwise; stringData becomes data and is not shown',
    source: `${SECRET}#restriction-names-data`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'secrets');
      const body = secret('x', {
        data: { a: base64('1'), b: base64('1') },
        stringData: { b: '2' },
      });
      const made = await cluster.must(201, 'POST', path, body);
      assert.equal(made.type, 'Opaque');
      assert.deepEqual(made.data, { a: base64('1'), b: base64('2') });
      assert.equal(made.stringData, undefined);
    },
  },
  {
    name: 'a TLS Secret has a certificate and a key, and keeps its type',
    source: `${SECRET}#tls-secrets`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'secrets');
      const type = 'kubernetes.io/tls';
      const bare = secret('x', { type, data: { 'ca.crt': base64('ca') } });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, bare);
      assert.deepEqual(causes, [
        'FieldValueRequired data[tls.crt]',
        'FieldValueRequired data[tls.key]',
      ]);
      const data = { 'ca.crt': base64('ca'), 'tls.crt': base64('c'), 'tls.key': base64('k') };
      const made = await cluster.must(201, 'POST', path, secret('x', { type, data }));
      assert.deepEqual(made.data, data);
      const put = secret('x', { type: 'Opaque', data });
      const answer = await refused(cluster, 422, 'Invalid', 'PUT', `${path}/x`, put);
      assert.deepEqual(answer.causes, ['FieldValueInvalid type']);
      assert.match(answer.message, /field is immutable$/);
    },
  },
  {
    name: 'a Secret holds what its type promises to those who use it',
    source: `${SECRET}#secret-types`,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'secrets');
      const of = (type: string, data: JsonObject = {}) => ({
        metadata: { generateName: 'x-' },
        type: `kubernetes.io/${type}`,
        data,
      });
      const docker = 'data[.dockerconfigjson]';
      for (const [body, cause] of [
        [of('dockerconfigjson'), `FieldValueRequired ${docker}`],
        [
          of('dockerconfigjson', { '.dockerconfigjson': base64('{') }),
          `FieldValueInvalid ${docker}`,
        ],
        [of('dockercfg'), 'FieldValueRequired data[.dockercfg]'],
        [of('ssh-auth'), 'FieldValueRequired data[ssh-privatekey]'],
        [of('basic-auth'), 'FieldValueRequired data[username]'],
        [
          of('service-account-token'),
          'FieldValueRequired metadata.annotations[kubernetes.io/service-account.name]',
        ],
      ] as const) {
        const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
        assert.ok(causes.includes(cause), `${body.type}: ${causes}`);
      }
      const config = { '.dockerconfigjson': base64('{"auths":{}}') };
      await cluster.must(201, 'POST', path, of('dockerconfigjson', config));
      await cluster.must(201, 'POST', path, of('basic-auth', { username: base64('me') }));
    },
  },
  {
    name: 'data of a Secret that is no base64 is a 400',
    source: SECRET,
    async run(cluster) {
      const path = core(await cluster.namespace(), 'secrets');
      const body = secret('x', { data: { a: '%%%' } });
      await refused(cluster, 400, 'BadRequest', 'POST', path, body);
    },
  },
  {
    name: 'an immutable Secret or ConfigMap keeps its data and stays immutable',
    source: `${SECRET}#secret-immutable`,
    async run(cluster) {
      const namespace = await cluster.namespace();
      for (const [plural, body] of [
        ['secrets', secret('x', { data: { a: base64('1') }, immutable: true })],
        ['configmaps', { ...configMap('x'), immutable: true }],
      ] as const) {
        const path = core(namespace, plural);
        await cluster.must(201, 'POST', path, body);
        const type = PATCH.merge;
        for (const patch of [{ data: { b: base64('2') } }, { immutable: false }]) {
          await refused(cluster, 422, 'Invalid', 'PATCH', `${path}/x`, patch, { type });
        }
        const metadata = { labels: { a: 'b' } };
        await cluster.must(200, 'PATCH', `${path}/x`, { metadata }, { type });
      }
    },
  },
  {
    name: 'a ConfigMap holds a mebibyte at most, under keys of letters, digits, dots and dashes',
    source: docs('concepts/configuration/configmap/#configmap-object'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const large = await refused(cluster, 422, 'Invalid', 'POST', path, {
        ...configMap('x', { a: 'a'.repeat(MIB + 1) }),
      });
      assert.equal(large.causes.length, 1);
      assert.match(large.causes[0] ?? '', /^FieldValueTooLong /);
      const key = await refused(
        cluster,
        422,
        'Invalid',
        'POST',
        path,
        configMap('x', { 'a/b': '' }),
      );
      assert.deepEqual(key.causes, ['FieldValueInvalid data[a/b]']);
      await cluster.must(201, 'POST', path, configMap('x', { 'ca.crt': 'a', A_b: '' }));
    },
  },
  {
    name: 'a Lease keeps its times to the microsecond',
    source: docs('concepts/architecture/leases/'),
    async run(cluster) {
      const path = await leasesPath(cluster);
      const spec = {
        holderIdentity: 'a',
        leaseDurationSeconds: 15,
        acquireTime: '2026-01-01T00:00:00.123456Z',
        renewTime: '2026-01-01T00:00:01.000000Z',
        leaseTransitions: 3,
      };
      const made = await cluster.must(201, 'POST', path, lease(spec));
      assert.deepEqual(made.spec, spec);
      const coarse = lease({ ...spec, renewTime: '2026-01-01T00:00:00Z' }, { name: 'y' });
      await refused(cluster, 400, 'BadRequest', 'POST', path, coarse);
    },
  },
  {
    name: 'of two who renew a Lease from one version, the second is refused',
    source: docs('concepts/architecture/leases/'),
    async run(cluster) {
      const path = await leasesPath(cluster);
      const made = await cluster.must(201, 'POST', path, lease({ holderIdentity: 'a' }));
      const { resourceVersion = '' } = metaOf(made);
      const as = (holderIdentity: string) => lease({ holderIdentity }, { resourceVersion });
      await cluster.must(200, 'PUT', `${path}/x`, as('b'));
      await refused(cluster, 409, 'Conflict', 'PUT', `${path}/x`, as('c'));
      const live = await cluster.must(200, 'GET', `${path}/x`);
      assert.equal(at(live, 'spec', 'holderIdentity'), 'b');
    },
  },
  {
    name: 'a Lease may have no holder, but lasts more than no time',
    source: docs('reference/kubernetes-api/cluster-resources/lease-v1/'),
    async run(cluster) {
      const path = await leasesPath(cluster);
      const made = await cluster.must(
        201,
        'POST',
        path,
        lease({ holderIdentity: '', leaseDurationSeconds: 1 }),
      );
      assert.equal(at(made, 'spec', 'holderIdentity'), '');
      const body = lease({ leaseDurationSeconds: 0 }, { name: 'y' });
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
      assert.deepEqual(causes, ['FieldValueInvalid spec.leaseDurationSeconds']);
    },
  },
  {
    name: 'an Event can be applied again with a higher count, and is found by what it is about',
    source: docs('reference/kubernetes-api/cluster-resources/event-v1/'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const path = core(namespace, 'events');
      const url = `${path}/x.1234?fieldManager=isthmus&force=true`;
      const type = PATCH.apply;
      await cluster.must(201, 'PATCH', url, event(namespace), { type });
      const more = event(namespace, { count: 3, lastTimestamp: '2026-01-01T00:02:00Z' });
      const again = await cluster.must(200, 'PATCH', url, more, { type });
      assert.equal(again.count, 3);
      const selector = 'involvedObject.name%3Dx,involvedObject.kind%3DService,type%3DWarning';
      const list = await cluster.must(200, 'GET', `${path}?fieldSelector=${selector}`);
      assert.equal(asObjects(list.items).length, 1);
    },
  },
  {
    name: 'an Event stands in the namespace of what it is about, or in default',
    source: conventions('events'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const elsewhere = event('default');
      const path = core(namespace, 'events');
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, elsewhere);
      assert.deepEqual(causes, ['FieldValueInvalid involvedObject.namespace']);
      const about = { apiVersion: 'v1', kind: 'Namespace', name: 'x' };
      const name = `x.${cluster.unique}`;
      const clusterWide = event('', { involvedObject: about, metadata: { name } });
      await cluster.must(201, 'POST', core('default', 'events'), clusterWide);
      cluster.afterwards(core('default', 'events', name));
    },
  },
  {
    name: 'one Event is read through both of its APIs',
    source: docs('reference/kubernetes-api/cluster-resources/event-v1/'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      await cluster.must(201, 'POST', core(namespace, 'events'), event(namespace));
      const path = group('events.k8s.io/v1', namespace, 'events', 'x.1234');
      const found = await cluster.must(200, 'GET', path);
      assert.equal(found.note, 'the name is taken');
      assert.equal(asObject(found.regarding).name, 'x');
      assert.equal(found.deprecatedCount, 2);
      assert.equal(found.reportingController, 'isthmus-mirror');
    },
  },
  {
    name: 'a new Event says when, by whom, what was done and why; a series counts repetitions',
    source:
      'https://github.com/kubernetes/enhancements/tree/master/keps/sig-instrumentation/383-new-event-api-ga-graduation',
    async run(cluster) {
      const namespace = await cluster.namespace();
      const path = group('events.k8s.io/v1', namespace, 'events');
      const body: JsonObject = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: 'y.1234' },
        regarding: { apiVersion: 'v1', kind: 'Service', name: 'x', namespace },
        type: 'Normal',
        reason: 'Mirrored',
        action: 'Mirror',
        note: 'it is mirrored',
        reportingController: 'isthmus.dev/mirror',
        reportingInstance: 'isthmus-mirror-0',
      };
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, body);
      assert.ok(causes.includes('FieldValueRequired eventTime'), String(causes));
      const eventTime = '2026-01-01T00:00:00.000000Z';
      await cluster.must(201, 'POST', path, { ...body, eventTime });
      const series = { count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' };
      const type = PATCH.merge;
      const patched = await cluster.must(200, 'PATCH', `${path}/y.1234`, { series }, { type });
      assert.deepEqual(patched.series, series);
    },
  },
  {
    name: 'a ConfigMap of binary data keeps it apart from text',
    source: docs('concepts/configuration/configmap/#configmap-object'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      const binaryData = { b: base64('\u0000') };
      const made = await cluster.must(201, 'POST', path, { ...configMap('x'), binaryData });
      assert.deepEqual(made.binaryData, binaryData);
      assert.notEqual(versionOf(made), '');
      assert.equal(asString(metaOf(made).name), 'x');
      const twice = { ...configMap('y', { b: '' }), binaryData };
      const { causes } = await refused(cluster, 422, 'Invalid', 'POST', path, twice);
      assert.equal(causes.length, 1);
    },
  },
];
