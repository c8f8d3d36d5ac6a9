/**
 * Definitions that cases make for themselves: a kind `Thing` in a group that nobody else has.
 */
import { asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { type CaseCluster, metaOf } from './cluster.ts';
import { group } from './kit.ts';

export const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A definition of its own, of one version, for a case that changes it. */
export function own(
  cluster: CaseCluster,
  schema: JsonObject,
  version: JsonObject = {},
): JsonObject {
  const api = `g${cluster.unique}.example.com`;
  const served = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${api}` },
    spec: {
      group: api,
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [{ ...served, ...version }],
    },
  };
}

/** A schema that takes everything. */
export const ANY = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** Makes `definition`, for the case alone; where its objects are, once they are served. */
export async function established(cluster: CaseCluster, definition: JsonObject): Promise<string> {
  const name = asString(metaOf(definition).name);
  await cluster.must(201, 'POST', CRDS, definition);
  cluster.afterwards(`${CRDS}/${name}`);
  await cluster.until('it is established', async () => {
    const { body } = await cluster.call('GET', `${CRDS}/${name}`);
    const conditions = asObjects(at(body, 'status', 'conditions'));
    return conditions.some(({ type, status }) => type === 'Established' && status === 'True');
  });
  const api = name.slice('things.'.length);
  const path = group(`${api}/v1`, await cluster.namespace(), 'things');
  await cluster.until('it is served', () => cluster.exists(path));
  return path;
}

/** A Thing called `name` that holds `more`. */
export function thing(cluster: CaseCluster, name: string, more: JsonObject = {}): JsonObject {
  const apiVersion = `g${cluster.unique}.example.com/v1`;
  return { apiVersion, kind: 'Thing', metadata: { name }, ...more };
}
