/**
 * CustomResourceDefinitions: defaults, validation, and the resources they define. pure
 *
 * After "Extend the Kubernetes API with CustomResourceDefinitions" of the Kubernetes documentation.
 */
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
} from '../api/json.ts';
import type { Column, ResourceDef, Rules, ScalePaths } from '../api/resources.ts';
import { field, METADATA_FIELDS } from '../api/selectors.ts';
import { type Cause, fieldError } from '../api/status.ts';
import { checkConstraints, customSchema } from '../schema/structural.ts';
import { AGE, ageOf, NAME } from './columns.ts';
import { checkVersion } from './crd-version.ts';
import { nameProblem } from './names.ts';
import { checkStructural } from './structural-rules.ts';

/** Rules of CustomResourceDefinitions. */
export const crdRules: Rules = {
  hasStatus: true,
  hasGeneration: true,
  defaults: (crd) => {
    const spec = asObject(crd.spec);
    const names = asObject(spec.names);
    const kind = asString(names.kind);
    return {
      ...crd,
      spec: {
        ...spec,
        conversion: spec.conversion ?? { strategy: 'None' },
        names: {
          ...names,
          singular: names.singular ?? kind.toLowerCase(),
          listKind: names.listKind ?? `${kind}List`,
        },
      },
    };
  },
  admitCreate: accept,
  admitUpdate: accept,
  validate: checkCrd,
};

/** Removed once no object of the kind is left. */
export const CRD_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** The status of a CRD that is served, which here it is at once. */
function accept(crd: KubeObject): KubeObject {
  const spec = asObject(crd.spec);
  const before = asObject(crd.status);
  const storage = asObjects(spec.versions).find((version) => version.storage === true);
  const stored = new Set([...asStrings(before.storedVersions), asString(storage?.name)]);
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    lastTransitionTime: crd.metadata.creationTimestamp,
    reason,
    message,
  });
  const finalizers = asStrings(crd.metadata.finalizers);
  const isNew = crd.metadata.deletionTimestamp === undefined;
  return {
    ...crd,
    metadata: {
      ...crd.metadata,
      ...(isNew && !finalizers.includes(CRD_FINALIZER)
        ? { finalizers: [...finalizers, CRD_FINALIZER] }
        : {}),
    },
    status: {
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
      acceptedNames: spec.names,
      storedVersions: [...stored],
    },
  };
}

/** What objects that are kept already rely on: apiextensions-apiserver/pkg/apis/apiextensions/validation. */
function checkCrdUpdate(crd: KubeObject, previous: KubeObject): Cause[] {
  const causes: Cause[] = [];
  for (const path of [['scope'], ['names', 'kind']]) {
    const value = at(crd.spec, ...path);
    if (value === at(previous.spec, ...path)) continue;
    causes.push(fieldError.invalid(`spec.${path.join('.')}`, value, 'field is immutable'));
  }
  const versions = asObjects(at(crd.spec, 'versions')).map(({ name }) => name);
  asStrings(at(previous.status, 'storedVersions')).forEach((name, index) => {
    if (versions.includes(name)) return;
    const field = `status.storedVersions[${index}]`;
    causes.push(fieldError.invalid(field, name, 'missing from spec.versions'));
  });
  return causes;
}

function checkCrd(crd: KubeObject, previous?: KubeObject): Cause[] {
  const causes: Cause[] = previous ? checkCrdUpdate(crd, previous) : [];
  const spec = asObject(crd.spec);
  const group = asString(spec.group);
  const plural = asString(at(spec, 'names', 'plural'));
  if (crd.metadata.name !== `${plural}.${group}`) {
    const why = 'must be spec.names.plural+"."+spec.group';
    causes.push(fieldError.invalid('metadata.name', crd.metadata.name, why));
  }
  if (!group.includes('.') || nameProblem(group, 'subdomain')) {
    causes.push(
      fieldError.invalid('spec.group', group, 'should be a domain with at least one dot'),
    );
  }
  if (asString(at(spec, 'names', 'kind')) === '') {
    causes.push(fieldError.required('spec.names.kind'));
  }
  const scope = asString(spec.scope);
  if (scope !== 'Namespaced' && scope !== 'Cluster') {
    causes.push(fieldError.unsupported('spec.scope', scope, ['Cluster', 'Namespaced']));
  }
  if (at(spec, 'conversion', 'strategy') !== 'None') {
    const why = 'this server converts between versions only by strategy None';
    causes.push(
      fieldError.invalid('spec.conversion.strategy', at(spec, 'conversion', 'strategy'), why),
    );
  }
  if (spec.preserveUnknownFields === true) {
    const why = 'must be false in order to use defaults in the schema';
    causes.push(fieldError.invalid('spec.preserveUnknownFields', true, why));
  }
  const versions = asObjects(spec.versions);
  if (versions.filter((version) => version.storage === true).length !== 1) {
    const why = 'must have exactly one version marked as storage version';
    causes.push(fieldError.invalid('spec.versions', versions.length, why));
  }
  if (new Set(versions.map(({ name }) => name)).size < versions.length) {
    const why = 'must contain unique version names';
    causes.push(fieldError.invalid('spec.versions', versions.length, why));
  }
  versions.forEach((version, index) => {
    const schema = at(version, 'schema', 'openAPIV3Schema');
    const path = `spec.versions[${index}].schema.openAPIV3Schema`;
    if (schema === undefined) {
      causes.push(fieldError.required(path, 'schemas are required'));
    } else checkStructural(asObject(schema), path, true, causes);
    causes.push(...checkVersion(version, `spec.versions[${index}]`));
  });
  return causes;
}

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

function columnsOf(version: JsonObject): Column[] {
  const own = asObjects(version.additionalPrinterColumns);
  if (own.length === 0) return [NAME, AGE];
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

/** The subset of JSONPath printer columns use: members, indices, `[*]` and one equality filter. */
export function jsonPath(path: string): (object: JsonObject) => Json | undefined {
  const steps = [
    ...path.matchAll(
      /\.([A-Za-z0-9_$-]+(?:\\\.[A-Za-z0-9_$-]+)*(?:\/[A-Za-z0-9_-]+)?)|\[(\d+)\]|\['([^']+)'\]|\[(\*)\]|\[\?\(@\.([A-Za-z0-9_.-]+)\s*==\s*["']([^"']*)["']\)\]/g,
    ),
  ];
  return (object) => {
    let current: Json[] = [object];
    for (const [, name, index, quoted, star, filterKey, filterValue] of steps) {
      const key = name?.replaceAll('\\.', '.') ?? quoted;
      current = current.flatMap((value) => {
        if (key !== undefined) {
          const next = asObject(value)[key];
          return next === undefined ? [] : [next];
        }
        if (!Array.isArray(value)) return [];
        if (index !== undefined) return value.slice(Number(index), Number(index) + 1);
        if (star) return value;
        const path = (filterKey ?? '').split('.');
        return value.filter((item) => String(at(item, ...path)) === filterValue);
      });
    }
    return current[0];
  };
}
