/**
 * What a client learns about a server before it asks for anything: kinds, versions, schemas, forms.
 */
import assert from 'node:assert/strict';
import { asObject, asObjects, asString, asStrings, at } from '#devcluster/values/json.ts';
import { apiConcepts, type ContractCase, docs } from '../case.ts';
import { configMap, core, refused } from '../kit.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const DISCOVERY = docs('concepts/overview/kubernetes-api/#discovery-api');

export const discovery: readonly ContractCase[] = [
  {
    name: 'the server says its version',
    source: docs('reference/using-api/health-checks/'),
    async run(cluster) {
      const version = await cluster.must(200, 'GET', '/version');
      assert.equal(version.major, '1');
      assert.match(asString(version.minor), /^\d+\+?$/);
      assert.match(asString(version.gitVersion), /^v1\.\d+\.\d+/);
    },
  },
  {
    name: 'health is told as text',
    source: docs('reference/using-api/health-checks/'),
    async run(cluster) {
      for (const path of ['/readyz', '/livez', '/healthz']) {
        const answer = await cluster.call('GET', path);
        assert.equal(answer.status, 200);
        assert.equal(answer.text, 'ok');
        const { status } = await cluster.call('GET', `${path}/nobody-checks-this`);
        assert.equal(status, 404);
      }
    },
  },
  {
    name: 'who signs tokens, and with which keys, is told to every ServiceAccount',
    source: docs(
      'tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery',
    ),
    async run(cluster) {
      const token = await cluster.token(await cluster.namespace(), 'reader');
      const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
      const path = '/.well-known/openid-configuration';
      const { body } = await cluster.call('GET', path, undefined, { token });
      assert.equal(body.issuer, claims.iss);
      assert.match(asString(body.jwks_uri), /^https:\/\/.*\/openid\/v1\/jwks$/);
      const keys = await cluster.call('GET', '/openid/v1/jwks', undefined, { token });
      assert.equal(keys.headers['content-type'], 'application/jwk-set+json');
      assert.ok(asObjects(keys.body.keys).length > 0);
    },
  },
  {
    name: 'the kinds of a group are listed with verbs, scope and short names',
    source: DISCOVERY,
    async run(cluster) {
      const list = await cluster.must(200, 'GET', '/api/v1');
      assert.equal(list.kind, 'APIResourceList');
      const services = asObjects(list.resources).find(({ name }) => name === 'services');
      assert.deepEqual(services?.shortNames, ['svc']);
      assert.equal(services?.namespaced, true);
      assert.equal(services?.singularName, 'service');
      for (const verb of ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']) {
        assert.ok(asStrings(services?.verbs).includes(verb), verb);
      }
      const names = asObjects(list.resources).map(({ name }) => asString(name));
      for (const name of ['services/status', 'serviceaccounts/token', 'namespaces/finalize']) {
        assert.ok(names.includes(name), name);
      }
    },
  },
  {
    name: 'groups are listed, custom ones among them, with the version to prefer',
    source: DISCOVERY,
    async run(cluster) {
      await cluster.install();
      const list = await cluster.must(200, 'GET', '/apis');
      assert.equal(list.kind, 'APIGroupList');
      const groups = new Map(asObjects(list.groups).map((each) => [asString(each.name), each]));
      for (const name of [
        'apps',
        'authentication.k8s.io',
        'authorization.k8s.io',
        'rbac.authorization.k8s.io',
        'discovery.k8s.io',
        'coordination.k8s.io',
        'networking.k8s.io',
        'policy',
        'events.k8s.io',
        'apiextensions.k8s.io',
      ]) {
        assert.ok(groups.has(name), name);
      }
      await cluster.until('the custom groups', async () => {
        const again = await cluster.must(200, 'GET', '/apis/multicluster.x-k8s.io');
        return at(again, 'preferredVersion', 'version') === 'v1beta1';
      });
    },
  },
  {
    name: 'everything is discovered in two requests by who asks for the aggregated form',
    source: docs('concepts/overview/kubernetes-api/#aggregated-discovery'),
    async run(cluster) {
      await cluster.install();
      const form = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
      const accept = `${form},application/json`;
      const answer = await cluster.call('GET', '/apis', undefined, { accept });
      assert.equal(answer.body.kind, 'APIGroupDiscoveryList');
      assert.equal(answer.body.apiVersion, 'apidiscovery.k8s.io/v2');
      assert.match(String(answer.headers['content-type']), /as=APIGroupDiscoveryList/);
      await cluster.until('links are discovered', async () => {
        const list = await cluster.must(200, 'GET', '/apis', undefined, { accept });
        const found = asObjects(list.items).find(
          ({ metadata }) => asObject(metadata).name === 'isthmus.dev',
        );
        const [version] = asObjects(found?.versions);
        const [links] = asObjects(version?.resources);
        return (
          links?.resource === 'links' &&
          links.scope === 'Namespaced' &&
          asStrings(links.shortNames).includes('lnk')
        );
      });
      const root = await cluster.must(200, 'GET', '/api', undefined, { accept });
      assert.equal(root.kind, 'APIGroupDiscoveryList');
    },
  },
  {
    name: 'every served version has an OpenAPI v3 document, custom ones too',
    source: docs('concepts/overview/kubernetes-api/#openapi-v3'),
    async run(cluster) {
      await cluster.install();
      const index = await cluster.until('the custom document', async () => {
        const found = await cluster.must(200, 'GET', '/openapi/v3');
        return asObject(found.paths)['apis/isthmus.dev/v1alpha1'] !== undefined && found;
      });
      const paths = asObject(index.paths);
      for (const path of ['api/v1', 'apis/apps/v1', 'apis/discovery.k8s.io/v1']) {
        assert.match(
          asString(asObject(paths[path]).serverRelativeURL),
          /^\/openapi\/v3\/.*\?hash=/,
        );
      }
      const url = asString(at(paths, 'apis/isthmus.dev/v1alpha1', 'serverRelativeURL'));
      const document = await cluster.must(200, 'GET', url);
      assert.match(asString(document.openapi), /^3\./);
      const schemas = asObject(at(document, 'components', 'schemas'));
      const link = asObject(schemas['dev.isthmus.v1alpha1.Link']);
      const [kind] = asObjects(link['x-kubernetes-group-version-kind']);
      assert.deepEqual(kind, { group: 'isthmus.dev', kind: 'Link', version: 'v1alpha1' });
      assert.equal(at(link, 'properties', 'spec', 'properties', 'clusterName', 'type'), 'string');
    },
  },
  {
    name: 'a list says nothing of what its items are: that stands with their type',
    source: docs('concepts/overview/kubernetes-api/#openapi-v3'),
    async run(cluster) {
      const document = await cluster.must(200, 'GET', '/openapi/v3/api/v1');
      const schemas = asObject(at(document, 'components', 'schemas'));
      const spec = asObject(schemas['io.k8s.api.core.v1.PodSpec']);
      const containers = asObject(at(spec, 'properties', 'containers'));
      assert.match(asString(containers.description), /^List of containers/);
      const items = asObject(containers.items);
      assert.deepEqual(items.allOf, [
        { $ref: '#/components/schemas/io.k8s.api.core.v1.Container' },
      ]);
      assert.equal(items.description, undefined);
    },
  },
  {
    name: 'the definitions of all kinds are in the OpenAPI v2 document, in protobuf as well',
    source: docs('concepts/overview/kubernetes-api/#openapi-v2'),
    async run(cluster) {
      await cluster.install();
      const names = ['io.k8s.api.apps.v1.Deployment', 'dev.isthmus.v1alpha1.Link'];
      const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
      await cluster.until('all kinds', async () => {
        const plain = await cluster.call('GET', '/openapi/v2');
        const definitions = asObject(plain.body.definitions);
        const binary = await cluster.call('GET', '/openapi/v2', undefined, { accept });
        return names.every(
          (name) =>
            definitions[name] !== undefined &&
            binary.text.includes(name) &&
            binary.text.includes('x-kubernetes-group-version-kind'),
        );
      });
    },
  },
  {
    name: 'paths that nobody serves are a 404, whatever their body is',
    source: apiConcepts('resource-uris'),
    async run(cluster) {
      for (const path of [
        '/apis/none.example.com/v1/things',
        '/api/v1/namespaces/default/unicorns',
        '/apis/isthmus.dev/v9/links',
        '/nowhere',
      ]) {
        assert.equal((await cluster.call('GET', path)).status, 404, path);
      }
    },
  },
  {
    name: 'a verb that a kind does not have is a 405',
    source: apiConcepts('api-verbs'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      const answer = await refused(cluster, 405, 'MethodNotAllowed', 'POST', `${path}/x`, {});
      assert.equal(
        answer.message,
        'the server does not allow this method on the requested resource',
      );
      const reviews = '/apis/authentication.k8s.io/v1/tokenreviews';
      await refused(cluster, 405, 'MethodNotAllowed', 'GET', reviews);
    },
  },
  {
    name: 'namespaces are deleted one by one, and discovery says so',
    source: docs('reference/kubernetes-api/cluster-resources/namespace-v1/'),
    async run(cluster) {
      const none = '/api/v1/namespaces?labelSelector=nobody%3Dhas';
      await refused(cluster, 405, 'MethodNotAllowed', 'DELETE', none);
      const { resources } = await cluster.must(200, 'GET', '/api/v1');
      const found = asObjects(resources).find(({ name }) => name === 'namespaces');
      const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];
      assert.deepEqual(found?.verbs, verbs);
    },
  },
  {
    name: 'an answer is JSON or YAML; who accepts neither is a 406, who sends neither a 415',
    source: apiConcepts('alternate-representations-of-resources'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      const yaml = { accept: 'application/yaml' };
      const answer = await cluster.call('GET', `${path}/x`, undefined, yaml);
      assert.equal(answer.status, 200);
      assert.match(answer.text, /^apiVersion: v1$/m);
      const any = await cluster.call('GET', `${path}/x`, undefined, { accept: '*/*' });
      assert.match(String(any.headers['content-type']), /^application\/json/);
      const none = { accept: 'text/html' };
      await refused(cluster, 406, 'NotAcceptable', 'GET', `${path}/x`, undefined, none);
      const type = 'text/plain';
      await refused(cluster, 415, 'UnsupportedMediaType', 'POST', path, 'x', { type });
    },
  },
  {
    name: 'tables have the columns people know, and metadata unless whole objects are asked for',
    source: apiConcepts('receiving-resources-as-tables'),
    async run(cluster) {
      const path = core(await cluster.namespace(), 'configmaps');
      await cluster.must(201, 'POST', path, configMap('x'));
      const table = await cluster.must(200, 'GET', path, undefined, { accept: TABLE });
      assert.equal(table.kind, 'Table');
      assert.equal(table.apiVersion, 'meta.k8s.io/v1');
      const rows = asObjects(table.rows);
      const row = rows.find((each) => at(each, 'object', 'metadata', 'name') === 'x');
      assert.equal(at(row, 'object', 'kind'), 'PartialObjectMetadata');
      assert.deepEqual([...((row?.cells ?? []) as unknown[])].slice(0, 2), ['x', 1]);
      const whole = `${path}?includeObject=Object`;
      const full = await cluster.must(200, 'GET', whole, undefined, { accept: TABLE });
      assert.ok(asObjects(full.rows).some((each) => at(each, 'object', 'kind') === 'ConfigMap'));
    },
  },
  {
    name: 'the tables of the kinds people look at have the same columns everywhere',
    source: apiConcepts('receiving-resources-as-tables'),
    async run(cluster) {
      const expected: Record<string, string> = {
        '/api/v1/services': 'Name Type Cluster-IP External-IP Port(s) Age Selector+',
        '/api/v1/pods': 'Name Ready Status Restarts Age IP+ Node+ Nominated Node+ Readiness Gates+',
        '/api/v1/namespaces': 'Name Status Age',
        '/api/v1/configmaps': 'Name Data Age',
        '/api/v1/secrets': 'Name Type Data Age',
        '/api/v1/serviceaccounts': 'Name Age',
        '/api/v1/events':
          'Last Seen Type Reason Object Subobject+ Source+ Message First Seen+ Count+ Name+',
        '/apis/apps/v1/deployments':
          'Name Ready Up-to-date Available Age Containers+ Images+ Selector+',
        '/apis/apps/v1/replicasets': 'Name Desired Current Ready Age Containers+ Images+ Selector+',
        '/apis/discovery.k8s.io/v1/endpointslices': 'Name AddressType Ports Endpoints Age',
        '/apis/coordination.k8s.io/v1/leases': 'Name Holder Age',
        '/apis/policy/v1/poddisruptionbudgets':
          'Name Min Available Max Unavailable Allowed Disruptions Age',
        '/apis/networking.k8s.io/v1/networkpolicies': 'Name Pod-Selector Age',
      };
      const found: Record<string, string> = {};
      for (const path of Object.keys(expected)) {
        const table = await cluster.must(200, 'GET', path, undefined, { accept: TABLE });
        found[path] = asObjects(table.columnDefinitions)
          .map(({ name, priority }) => `${name}${priority === 0 ? '' : '+'}`)
          // Of ServiceAccounts, until Kubernetes 1.34 (kubernetes/kubernetes#117160).
          .filter((name) => name !== 'Secrets')
          .join(' ');
      }
      assert.deepEqual(found, expected);
    },
  },
];
