/**
 * CustomResourceDefinitions themselves: defaults, validation, status. pure
 */
import { asObject, asObjects, asString, asStrings, at, type KubeObject } from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';
import { checkVersion } from './crd-version.ts';
import { nameProblem } from './names.ts';
import type { Rules } from './resources.ts';
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
