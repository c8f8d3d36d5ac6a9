/**
 * Schemas of OpenAPI documents: of built-in types and of custom resources, in the words of v2 and v3. pure
 */

import type { ResourceDef } from '../kinds/resources.ts';
import { builtinSchema } from '../schema/builtin.ts';
import type { Schema } from '../schema/schema.ts';
import { asObject, type JsonObject, without } from '../values/json.ts';

/** Collects the schemas a document refers to. */
export class Schemas {
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
