/**
 * OpenAPI documents: what `kubectl apply` validates with and `kubectl explain` prints.
 *
 * One v3 document per group and version with the schemas of its kinds and the paths kubectl looks at; v2 with all of them. Built at first request, kept until a CustomResourceDefinition changes.
 */
import { createHash } from 'node:crypto';
import { builtinSchema, describeBuiltins } from '../schema/builtin.ts';
import { asObject, type JsonObject } from '../values/json.ts';
import { addPaths, pathOf } from './openapi-paths.ts';
import { Schemas } from './openapi-schemas.ts';
import { openApiV2Protobuf } from './openapi-v2-binary.ts';
import type { Registry } from './registry.ts';

const cache = new WeakMap<Registry, { generation: number; documents: Map<string, string> }>();

/** `/openapi/v3`: the path of each group and version's document. */
export function openApiIndex(registry: Registry): string {
  const paths: JsonObject = {};
  for (const path of documentPaths(registry)) {
    const text = openApiDocument(registry, path) ?? '';
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 32).toUpperCase();
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  return JSON.stringify({ paths });
}

/** The v3 document at `path` (`api/v1`, `apis/apps/v1`); `undefined` when nothing is served there. */
export function openApiDocument(registry: Registry, path: string): string | undefined {
  return cached(registry, path, () => {
    const defs = registry.all().filter((def) => pathOf(def) === path);
    if (defs.length === 0) return undefined;
    const schemas = new Schemas('#/components/schemas/');
    const paths: JsonObject = {};
    for (const def of defs) addPaths(def, schemas, paths, 3);
    schemas.reference(builtinSchema('V1DeleteOptions'));
    return JSON.stringify({
      openapi: '3.0.0',
      info: { title: 'Kubernetes', version: 'v1' },
      paths,
      components: { schemas: schemas.all },
    });
  });
}

/** `/openapi/v2`: definitions of everything in one document. */
export function openApiV2(registry: Registry): string {
  const text = cached(registry, 'v2', () => {
    const schemas = new Schemas('#/definitions/');
    const paths: JsonObject = {};
    for (const def of registry.all()) addPaths(def, schemas, paths, 2);
    schemas.reference(builtinSchema('V1DeleteOptions'));
    return JSON.stringify({
      swagger: '2.0',
      info: { title: 'Kubernetes', version: 'v1' },
      paths,
      definitions: schemas.all,
    });
  });
  return text ?? '{}';
}

/** `/openapi/v2` in protobuf. */
export function openApiV2Binary(registry: Registry): Buffer {
  const text = cached(registry, 'v2 protobuf', () => {
    const { definitions } = JSON.parse(openApiV2(registry)) as JsonObject;
    return openApiV2Protobuf(registry, asObject(definitions)).toString('base64');
  });
  return Buffer.from(text ?? '', 'base64');
}

function cached(
  registry: Registry,
  key: string,
  build: () => string | undefined,
): string | undefined {
  let entry = cache.get(registry);
  if (entry?.generation !== registry.generation) {
    entry = { generation: registry.generation, documents: new Map() };
    cache.set(registry, entry);
  }
  let text = entry.documents.get(key);
  if (text === undefined) {
    describeBuiltins();
    text = build();
    if (text !== undefined) entry.documents.set(key, text);
  }
  return text;
}

function documentPaths(registry: Registry): string[] {
  return [...new Set(registry.all().map(pathOf))].sort();
}
