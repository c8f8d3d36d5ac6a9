/**
 * The OpenAPI v2 document in protobuf, as far as kubectl before 1.30 reads it.
 *
 * Such a kubectl asks for this form alone, to learn whether the server validates fields itself: it looks for
 * PATCH operations with the parameter `fieldValidation`. Messages of gnostic's openapi_v2.Document.
 */
import type { Registry } from '../api/registry.ts';
import { groupVersion, type ResourceDef } from '../api/resources.ts';
import { writeField } from './wire.ts';

/** The media type kubectl asks for. */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

/** The document for every resource of `registry`. */
export function openApiV2Protobuf(registry: Registry): Buffer {
  const info = Buffer.concat([writeField(1, 'Kubernetes'), writeField(2, 'v1')]);
  const paths = registry
    .all()
    .filter((def) => !def.review)
    .map((def) => writeField(2, namedPath(def)));
  return Buffer.concat([
    writeField(1, '2.0'),
    writeField(2, info),
    writeField(8, Buffer.concat(paths)),
    writeField(9, Buffer.alloc(0)),
  ]);
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

/** NamedAny{name, value: Any{yaml}}. */
function kindExtension(def: ResourceDef): Buffer {
  const yaml = `group: "${def.group}"\nkind: ${def.kind}\nversion: ${def.version}\n`;
  return Buffer.concat([
    writeField(1, 'x-kubernetes-group-version-kind'),
    writeField(2, writeField(2, yaml)),
  ]);
}
