/**
 * The resources that CustomResourceDefinitions define. pure
 *
 * After "Extend the Kubernetes API with CustomResourceDefinitions" of the Kubernetes documentation.
 */

import { checkConstraints, customSchema } from '../schema/structural.ts';
import {
  asNumber,
  asObject,
  asObjects,
  asString,
  asStrings,
  at,
  type Json,
  type JsonObject,
  type KubeObject,
} from '../values/json.ts';
import { ageOf, DEFAULT_COLUMNS, NAME } from './column.ts';
import { jsonPath } from './json-path.ts';
import type { Column, ResourceDef, ScalePaths } from './resources.ts';
import { field, METADATA_FIELDS } from './selectors.ts';

/** The resources `crd` defines, one per served version. */
export function customResources(crd: KubeObject): ResourceDef[] {
  const spec = asObject(crd.spec);
  const names = asObject(spec.names);
  const versions = asObjects(spec.versions);
  return versions
    .filter((version) => version.served === true)
    .map((version) => defineVersion(crd, spec, names, version));
}

function defineVersion(
  crd: KubeObject,
  spec: JsonObject,
  names: JsonObject,
  version: JsonObject,
): ResourceDef {
  const schema = customSchema(asObject(at(version, 'schema', 'openAPIV3Schema')));
  const kind = asString(names.kind);
  schema.name = kind;
  const scaleJson = at(version, 'subresources', 'scale');
  const hasStatus = at(version, 'subresources', 'status') !== undefined;
  const scale = scaleJson === undefined ? undefined : scalePaths(asObject(scaleJson));
  return {
    group: asString(spec.group),
    version: asString(version.name),
    plural: asString(names.plural),
    singular: asString(names.singular),
    kind,
    listKind: asString(names.listKind),
    shortNames: asStrings(names.shortNames),
    categories: asStrings(names.categories),
    namespaced: spec.scope === 'Namespaced',
    storage: crd.metadata.name,
    schema,
    columns: columnsOf(version),
    rules: {
      hasStatus,
      hasGeneration: true,
      validate: (object) => checkConstraints(schema, object),
    },
    fields: new Map([
      ...METADATA_FIELDS,
      ...asObjects(version.selectableFields).map((item) => {
        const path = asString(item.jsonPath).replace(/^\./, '');
        return [path, field(...path.split('.'))] as const;
      }),
    ]),
    ...(scale ? { scale } : {}),
    subresources: [...(hasStatus ? ['status'] : []), ...(scale ? ['scale'] : [])],
    custom: true,
    ...(version.deprecated === true ? { deprecation: deprecationOf(spec, kind, version) } : {}),
  };
}

function deprecationOf(spec: JsonObject, kind: string, version: JsonObject) {
  const plain = `${asString(spec.group)}/${asString(version.name)} ${kind} is deprecated`;
  return { since: 0, text: asString(version.deprecationWarning) || plain };
}

function scalePaths(scale: JsonObject): ScalePaths {
  const split = (value: Json | undefined) => asString(value).replace(/^\./, '').split('.');
  const selector = scale.labelSelectorPath;
  return {
    spec: split(scale.specReplicasPath),
    status: split(scale.statusReplicasPath),
    selector: selector === undefined ? undefined : split(selector),
  };
}

function columnsOf(version: JsonObject): readonly Column[] {
  const own = asObjects(version.additionalPrinterColumns);
  if (own.length === 0) return DEFAULT_COLUMNS;
  return [
    NAME,
    ...own.map((item): Column => {
      const type = asString(item.type) as Column['type'];
      const read = jsonPath(asString(item.jsonPath));
      const format = asString(item.format);
      return {
        name: asString(item.name),
        type,
        ...(format === '' ? {} : { format }),
        priority: asNumber(item.priority),
        description:
          asString(item.description) ||
          `Custom resource definition column (in JSONPath format): ${asString(item.jsonPath)}`,
        cell: (object, nowMs) => {
          const value = read(object);
          if (value === undefined || value === null) return null;
          if (type === 'date') return ageOf(value, nowMs);
          return typeof value === 'object' ? JSON.stringify(value) : value;
        },
      };
    }),
  ];
}
