/**
 * OpenAPI documents: what `kubectl apply` validates with and `kubectl explain` prints.
 *
 * One v3 document per group and version with the schemas of its kinds and the paths kubectl looks at; v2 with the same
 * definitions. Built at first request, kept until a CustomResourceDefinition changes.
 */
import { createHash } from 'node:crypto';
import { openApiV2Protobuf } from '../protobuf/openapi-v2.ts';
import { builtinSchema, describeBuiltins } from '../schema/builtin.ts';
import type { Schema } from '../schema/schema.ts';
import { asObject, type JsonObject, without } from './json.ts';
import type { Registry } from './registry.ts';
import { groupVersion, type ResourceDef } from './resources.ts';

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
    for (const def of defs) addPaths(def, schemas, paths);
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
    for (const def of registry.all()) schemas.kind(def);
    return JSON.stringify({
      swagger: '2.0',
      info: { title: 'Kubernetes', version: 'v1' },
      paths: {},
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

function pathOf(def: ResourceDef): string {
  return def.group === '' ? `api/${def.version}` : `apis/${groupVersion(def)}`;
}

function addPaths(def: ResourceDef, schemas: Schemas, paths: JsonObject): void {
  const $ref = schemas.kind(def);
  const kind = { group: def.group, version: def.version, kind: def.kind };
  const scope = def.namespaced ? '/namespaces/{namespace}' : '';
  const root = `/${pathOf(def)}${scope}/${def.plural}`;
  const operation = (action: string, parameters: readonly string[], withBody: boolean) => ({
    operationId: `${action}${def.kind}${def.version}`,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': kind,
    parameters: parameters.map((name) => ({
      name,
      in: 'query',
      schema: { type: 'string', uniqueItems: true },
    })),
    ...(withBody
      ? { requestBody: { content: { '*/*': { schema: { $ref } } }, required: true } }
      : {}),
    responses: {
      '200': { description: 'OK', content: { 'application/json': { schema: { $ref } } } },
    },
  });
  const write = ['dryRun', 'fieldManager', 'fieldValidation'];
  paths[root] = def.postOnly
    ? { post: operation('post', write, true) }
    : {
        get: operation(
          'list',
          ['labelSelector', 'fieldSelector', 'limit', 'continue', 'watch'],
          false,
        ),
        post: operation('post', write, true),
        delete: operation('deletecollection', ['dryRun', 'labelSelector'], false),
      };
  if (def.postOnly) return;
  paths[`${root}/{name}`] = {
    get: operation('get', [], false),
    put: operation('put', write, true),
    patch: operation('patch', [...write, 'force'], true),
    delete: operation('delete', ['dryRun', 'gracePeriodSeconds', 'propagationPolicy'], false),
  };
}

/** Collects the schemas a document refers to. */
class Schemas {
  readonly all: JsonObject = {};
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The reference to the schema of `def`, which carries its group, version and kind. */
  kind(def: ResourceDef): string {
    const name = def.custom
      ? `${def.group.split('.').reverse().join('.')}.${def.version}.${def.kind}`
      : definitionName(def.schema);
    if (this.all[name] === undefined) {
      this.all[name] = {};
      const body = this.#body(def.schema);
      if (def.custom) this.#metaOf(body);
      this.all[name] = {
        ...body,
        'x-kubernetes-group-version-kind': [
          { group: def.group, version: def.version, kind: def.kind },
        ],
      };
    } else if (asObject(this.all[name])['x-kubernetes-group-version-kind'] === undefined) {
      this.all[name] = {
        ...asObject(this.all[name]),
        'x-kubernetes-group-version-kind': [
          { group: def.group, version: def.version, kind: def.kind },
        ],
      };
    }
    return `${this.#prefix}${name}`;
  }

  reference(schema: Schema): string {
    const name = definitionName(schema);
    if (this.all[name] === undefined) {
      this.all[name] = {};
      this.all[name] = this.#body(schema);
    }
    return `${this.#prefix}${name}`;
  }

  #metaOf(body: JsonObject): void {
    const properties = asObject(body.properties);
    properties.apiVersion = {
      type: 'string',
      description: 'The versioned schema of this object.',
    };
    properties.kind = { type: 'string', description: 'The resource this object represents.' };
  }

  #node(schema: Schema): JsonObject {
    if (
      schema.name !== undefined &&
      schema.type === 'object' &&
      schema.properties &&
      schema.group
    ) {
      const shared = builtinSchema(schema.name);
      const $ref = this.reference(shared);
      // What says nothing of its own is described where its type is, and nowhere else.
      const isOwn = schema !== shared && schema.description !== undefined;
      const about = isOwn ? { description: schema.description ?? '' } : {};
      return this.#prefix.startsWith('#/components')
        ? {
            ...about,
            allOf: [{ $ref }],
            default: {},
            ...(schema.patchStrategy
              ? { 'x-kubernetes-patch-strategy': schema.patchStrategy }
              : {}),
          }
        : { ...about, $ref };
    }
    return this.#body(schema);
  }

  #body(schema: Schema): JsonObject {
    if (schema.constraints) return this.#custom(schema);
    const body: JsonObject = {};
    if (schema.description !== undefined) body.description = schema.description;
    if (schema.type !== 'any') body.type = schema.type;
    if (schema.format !== undefined) body.format = schema.format;
    if (schema.intOrString && this.#prefix.startsWith('#/components')) {
      body.oneOf = [{ type: 'integer' }, { type: 'string' }];
    } else if (schema.intOrString) body.type = 'string';
    if (schema.default !== undefined) body.default = schema.default;
    if (schema.properties) {
      const properties: JsonObject = {};
      for (const [key, member] of schema.properties) properties[key] = this.#node(member);
      body.properties = properties;
      if (schema.required && schema.required.size > 0) body.required = [...schema.required];
    }
    if (schema.items) body.items = this.#node(schema.items);
    if (schema.additional) body.additionalProperties = this.#node(schema.additional);
    if (schema.type === 'array') {
      body['x-kubernetes-list-type'] = schema.listType ?? 'atomic';
      if (schema.listKeys) body['x-kubernetes-list-map-keys'] = [...schema.listKeys];
    }
    if (schema.mergeKey) body['x-kubernetes-patch-merge-key'] = schema.mergeKey;
    if (schema.patchStrategy) body['x-kubernetes-patch-strategy'] = schema.patchStrategy;
    if (schema.atomic) body['x-kubernetes-map-type'] = 'atomic';
    return body;
  }

  /** A custom resource publishes its own schema, with the shared metadata in place. */
  #custom(schema: Schema): JsonObject {
    const own = without(schema.constraints ?? {}, 'x-kubernetes-validations');
    if (!schema.properties?.has('metadata')) return own;
    const metadata = schema.properties.get('metadata');
    return {
      ...own,
      properties: {
        ...asObject(own.properties),
        ...(metadata?.group ? { metadata: this.#node(metadata) } : {}),
      },
    };
  }
}

/** `io.k8s.api.core.v1.Pod`, as the real documents name it. */
function definitionName(schema: Schema): string {
  const short = (schema.name ?? '').replace(/^(Core|Events|Authentication)?V1/, '');
  return schema.group === 'meta'
    ? `io.k8s.apimachinery.pkg.apis.meta.v1.${short}`
    : schema.group === 'apiextensions'
      ? `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.${short}`
      : `io.k8s.api.${schema.group}.v1.${short}`;
}
