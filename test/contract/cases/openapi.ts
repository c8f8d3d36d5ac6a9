/**
 * OpenAPI v2 as JSON: what kustomize and generated clients read of paths and kinds.
 */
import assert from 'node:assert/strict';
import { asObject, asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { type ContractCase, docs } from '../case.ts';
import { ANY, established, own } from '../things.ts';

/** The parameters of a path and of one of its operations, as `in name`. */
function parametersOf(path: JsonObject, operation: JsonObject): string[] {
  return [...asObjects(path.parameters), ...asObjects(operation.parameters)].map(
    (each) => `${asString(each.in)} ${asString(each.name)}`,
  );
}

export const openApi: readonly ContractCase[] = [
  {
    name: 'OpenAPI v2 says of every kind where its objects are, how they are changed and what they hold',
    source: docs('concepts/overview/kubernetes-api/#openapi-v2'),
    async run(cluster) {
      const things = await established(cluster, own(cluster, ANY));
      const thingPath = things.replace(/namespaces\/[^/]+/, 'namespaces/{namespace}');
      const document = await cluster.until('the definition is told', async () => {
        const found = await cluster.must(200, 'GET', '/openapi/v2');
        return asObject(found.paths)[`${thingPath}/{name}`] === undefined ? undefined : found;
      });
      const apis = `g${cluster.unique}.example.com`;
      for (const [path, group, kind] of [
        ['/api/v1/namespaces/{namespace}/services/{name}', '', 'Service'],
        ['/api/v1/namespaces/{name}', '', 'Namespace'],
        ['/apis/apps/v1/namespaces/{namespace}/deployments/{name}', 'apps', 'Deployment'],
        [`${thingPath}/{name}`, apis, 'Thing'],
      ] as const) {
        const item = asObject(asObject(document.paths)[path]);
        for (const [method, action] of [
          ['get', 'get'],
          ['put', 'put'],
          ['patch', 'patch'],
          ['delete', 'delete'],
        ] as const) {
          const operation = asObject(item[method]);
          const gvk = { group, version: 'v1', kind };
          assert.deepEqual(operation['x-kubernetes-group-version-kind'], gvk, path);
          assert.equal(operation['x-kubernetes-action'], action);
          const names = parametersOf(item, operation);
          assert.ok(names.includes('path name'), path);
          assert.equal(names.includes('path namespace'), path.includes('{namespace}'));
        }
        const patch = parametersOf(item, asObject(item.patch));
        for (const name of ['body body', 'query dryRun', 'query fieldValidation', 'query force']) {
          assert.ok(patch.includes(name), `${path}: ${patch}`);
        }
        const $ref = asString(at(item, 'get', 'responses', '200', 'schema', '$ref'));
        const definition = asObject(document.definitions)[$ref.replace('#/definitions/', '')];
        assert.deepEqual(
          asObjects(at(definition, 'x-kubernetes-group-version-kind')).find(
            (each) => each.kind === kind,
          )?.version,
          'v1',
        );
      }
      const operations = Object.values(asObject(document.paths)).flatMap((path) =>
        Object.values(asObject(path)).map((each) => at(each, 'operationId')),
      );
      const ids = operations.filter((each) => each !== undefined);
      assert.equal(new Set(ids).size, ids.length, 'every operation has a name of its own');
      const all = asObject(asObject(document.paths)['/api/v1/namespaces/{namespace}/services']);
      assert.deepEqual(
        [at(all, 'get', 'x-kubernetes-action'), at(all, 'post', 'x-kubernetes-action')],
        ['list', 'post'],
      );
    },
  },
];
