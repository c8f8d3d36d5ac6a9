/**
 * The OpenAPI v2 document in protobuf, as far as clients written in Go read it.
 *
 * They ask for this form alone: kubectl before 1.30 to learn whether the server validates fields itself, for which it looks for
 * PATCH operations with the parameter `fieldValidation`; kubectl before 1.27 and others for the definitions of all kinds.
 * Messages of gnostic's openapi_v2.Document.
 */

import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import { writeField } from '../protobuf/wire.ts';
import {
  asObject,
  asString,
  asStrings,
  isObject,
  type Json,
  type JsonObject,
} from '../values/json.ts';
import type { Registry } from './registry.ts';

/** The media type kubectl asks for. */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

/** The document for every resource of `registry`, with the JSON schemas `definitions`. */
export function openApiV2Protobuf(registry: Registry, definitions: JsonObject): Buffer {
  const info = Buffer.concat([writeField(1, 'Kubernetes'), writeField(2, 'v1')]);
  const paths = registry
    .all()
    .filter((def) => !def.postOnly)
    .map((def) => writeField(2, namedPath(def)));
  return Buffer.concat([
    writeField(1, '2.0'),
    writeField(2, info),
    writeField(8, Buffer.concat(paths)),
    writeField(9, namedSchemas(definitions)),
  ]);
}

/** Definitions and Properties alike: repeated NamedSchema{name, value}. */
function namedSchemas(schemas: JsonObject): Buffer {
  return Buffer.concat(
    Object.entries(schemas).map(([name, value]) => {
      const named = [writeField(1, name), writeField(2, schemaMessage(asObject(value)))];
      return writeField(1, Buffer.concat(named));
    }),
  );
}

/** Schema: what it looks like; limits of values, which the server checks itself, are left out. */
function schemaMessage(schema: JsonObject): Buffer {
  const parts: Buffer[] = [];
  const add = (number: number, value: string | Buffer) => parts.push(writeField(number, value));
  const texts = { 1: schema.$ref, 2: schema.format, 4: schema.description };
  for (const [number, text] of Object.entries(texts)) {
    if (typeof text === 'string') add(Number(number), text);
  }
  for (const name of asStrings(schema.required)) add(19, name);
  // AdditionalPropertiesItem{schema}, TypeItem{value}, ItemsItem{schema}.
  const additional = schema.additionalProperties;
  if (isObject(additional)) add(21, writeField(1, schemaMessage(additional)));
  if (schema.type !== undefined) add(22, writeField(1, asString(schema.type)));
  if (isObject(schema.items)) add(23, writeField(1, schemaMessage(schema.items)));
  if (isObject(schema.properties)) add(25, namedSchemas(schema.properties));
  for (const [name, value] of Object.entries(schema)) {
    if (name.startsWith('x-')) add(31, namedAny(name, value));
  }
  return Buffer.concat(parts);
}

function namedPath(def: ResourceDef): Buffer {
  const root = def.group === '' ? `/api/${def.version}` : `/apis/${groupVersion(def)}`;
  const scope = def.namespaced ? '/namespaces/{namespace}' : '';
  const operation = Buffer.concat([
    ...['dryRun', 'fieldManager', 'fieldValidation', 'force'].map((name) =>
      writeField(8, queryParameter(name)),
    ),
    writeField(13, kindExtension(def)),
  ]);
  return Buffer.concat([
    writeField(1, `${root}${scope}/${def.plural}/{name}`),
    writeField(2, writeField(8, operation)),
  ]);
}

/** ParametersItem.parameter → Parameter.non_body_parameter → NonBodyParameter.query_parameter_sub_schema. */
function queryParameter(name: string): Buffer {
  const schema = Buffer.concat([
    writeField(2, 'query'),
    writeField(4, name),
    writeField(6, 'string'),
  ]);
  return writeField(1, writeField(2, writeField(3, schema)));
}

function kindExtension({ group, version, kind }: ResourceDef): Buffer {
  return namedAny('x-kubernetes-group-version-kind', { group, version, kind });
}

/** NamedAny{name, value: Any{yaml}}; JSON is YAML. */
function namedAny(name: string, value: Json | undefined): Buffer {
  const yaml = `${JSON.stringify(value)}\n`;
  return Buffer.concat([writeField(1, name), writeField(2, writeField(2, yaml))]);
}
