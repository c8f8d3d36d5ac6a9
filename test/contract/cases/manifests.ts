/**
 * Every object of `manifests/` as the server judges it: strictly, and as a dry run.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { asObject, asObjects, asString, at, type JsonObject } from '#devcluster/values/json.ts';
import { packageRoot } from '#runtime/package.ts';
import { apiConcepts, type ContractCase, docs } from '../case.ts';
import { type CaseCluster, metaOf } from '../cluster.ts';
import { PATCH } from '../kit.ts';

/** Documents that are for other readers than an API server. */
const NOT_SERVED = new Set(['Kustomization', 'FailoverDrill', 'Cluster']);

/** One object and the file it stands in. */
export interface ShippedObject {
  readonly file: string;
  readonly object: JsonObject;
}

/** Every object of `manifests/` and `kind-configs/` that an API server is given. */
export function shippedObjects(): ShippedObject[] {
  const root = packageRoot();
  return ['manifests', 'kind-configs'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.yaml'))
      .sort()
      .flatMap((file) => objectsOf(root, `${folder}/${file}`)),
  );
}

function objectsOf(root: string, file: string): ShippedObject[] {
  const documents = parseAllDocuments(readFileSync(join(root, file), 'utf8'));
  if (!Array.isArray(documents)) return [];
  return documents
    .map((document) => document.toJS() as JsonObject | null)
    .filter((object) => object !== null)
    .filter((object) => !NOT_SERVED.has(asString(object.kind)))
    .map((object) => ({ file, object }));
}

/** Where objects of this kind live, by discovery. */
export async function collectionOf(cluster: CaseCluster, object: JsonObject): Promise<string> {
  const apiVersion = asString(object.apiVersion);
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const list = await cluster.must(200, 'GET', base);
  const found = asObjects(list.resources).find(
    ({ kind, name }) => kind === object.kind && !asString(name).includes('/'),
  );
  assert.ok(found, `${apiVersion} has no kind ${object.kind}`);
  const namespace = asString(metaOf(object).namespace);
  return found.namespaced
    ? `${base}/namespaces/${namespace}/${found.name}`
    : `${base}/${found.name}`;
}

async function namespaces(cluster: CaseCluster): Promise<void> {
  for (const name of ['isthmus-system', 'shop']) {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    await cluster.call('POST', '/api/v1/namespaces', body);
  }
}

const STRICT = 'dryRun=All&fieldValidation=Strict&fieldManager=contract';

function manifestCase({ file, object }: ShippedObject): ContractCase {
  const name = asString(metaOf(object).name);
  return {
    name: `${file}: ${object.kind} ${name} is accepted by a strict dry run`,
    source: apiConcepts('dry-run'),
    async run(cluster) {
      await cluster.install();
      await namespaces(cluster);
      const path = await collectionOf(cluster, object);
      const url = `${path}/${name}?${STRICT}&force=true`;
      const applied = await cluster.call('PATCH', url, object, { type: PATCH.apply });
      assert.ok(applied.status === 200 || applied.status === 201, applied.text.slice(0, 2_000));
      assert.equal(applied.headers.warning, undefined);
      const created = await cluster.call('POST', `${path}?${STRICT}`, object);
      assert.ok(created.status === 201 || created.status === 409, created.text.slice(0, 2_000));
      assert.equal(created.headers.warning, undefined);
    },
  };
}

function templateCase({ file, object }: ShippedObject): ContractCase {
  return {
    name: `${file}: pods of ${metaOf(object).name} are admitted in their namespace`,
    source: docs('concepts/security/pod-security-standards/#restricted'),
    async run(cluster) {
      const namespace = await cluster.namespace();
      const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
      const path = `/api/v1/namespaces/${namespace}`;
      await cluster.must(200, 'PATCH', path, { metadata: { labels } }, { type: PATCH.merge });
      const account = asString(at(object, 'spec', 'template', 'spec', 'serviceAccountName'));
      await cluster.must(201, 'POST', `${path}/serviceaccounts`, { metadata: { name: account } });
      const template = asObject(at(object, 'spec', 'template'));
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...asObject(template.metadata), name: 'x' },
        spec: asObject(template.spec),
      };
      const answer = await cluster.call('POST', `${path}/pods?${STRICT}`, pod);
      assert.equal(answer.status, 201, answer.text.slice(0, 2_000));
      assert.equal(answer.headers.warning, undefined);
    },
  };
}

const objects = shippedObjects();

export const manifests: readonly ContractCase[] = [
  ...objects.map(manifestCase),
  ...objects
    .filter(({ file, object }) => object.kind === 'Deployment' && file.includes('/install/'))
    .map(templateCase),
];
