/**
 * The custom resource definitions of `manifests/crds`, put into a cluster once.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { asObject, asObjects, asString, type JsonObject } from '#devcluster/values/json.ts';
import { packageRoot } from '#runtime/package.ts';
import type { CaseCluster } from './cluster.ts';
import { PATCH } from './kit.ts';
import type { Target } from './target.ts';

const COLLECTION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const installed = new WeakMap<Target, Promise<void>>();

/** The definitions as they are shipped. */
export function definitions(): JsonObject[] {
  const folder = join(packageRoot(), 'manifests', 'crds');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => parse(readFileSync(join(folder, file), 'utf8')) as JsonObject);
}

/** Applies them and waits until they are served; once for a cluster. */
export function installDefinitions(cluster: CaseCluster): Promise<void> {
  const { target } = cluster;
  const done = installed.get(target) ?? install(cluster);
  installed.set(target, done);
  return done;
}

async function install(cluster: CaseCluster): Promise<void> {
  for (const definition of definitions()) {
    const path = `${COLLECTION}/${asString(asObject(definition.metadata).name)}`;
    const url = `${path}?fieldManager=contract&force=true`;
    const { status, text } = await cluster.call('PATCH', url, definition, { type: PATCH.apply });
    if (status !== 200 && status !== 201) throw new Error(`cannot install ${path}: ${text}`);
    await cluster.until(`${path} is established`, async () => {
      const { body } = await cluster.call('GET', path);
      const conditions = asObjects(asObject(body.status).conditions);
      return conditions.some(({ type, status: is }) => type === 'Established' && is === 'True');
    });
  }
  // Established is said a moment before every path answers.
  for (const path of [
    'isthmus.dev/v1alpha1/links',
    'multicluster.x-k8s.io/v1beta1/serviceimports',
  ]) {
    await cluster.until(`${path} is served`, () => cluster.exists(`/apis/${path}`));
  }
}
