/**
 * Names, labels and annotations: what every object's metadata must satisfy. pure
 *
 * "Object Names and IDs" and "Labels and Selectors" of the Kubernetes documentation; messages of
 * k8s.io/apimachinery/pkg/util/validation.
 */
import {
  asList,
  asObject,
  asObjects,
  asString,
  type Json,
  type JsonObject,
} from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
/** Bytes of all annotations of an object. */
const ANNOTATIONS_BYTES_MAX = 256 * 1_024;

/** Which names a kind allows. */
export type NameForm = 'subdomain' | 'label' | 'label1035' | 'path';

/** Why `name` is not of form `form`; `undefined` when it is. */
export function nameProblem(name: string, form: NameForm): string | undefined {
  switch (form) {
    case 'path':
      return name === '.' || name === '..' || /[/%]/.test(name)
        ? `may not be '.' or '..' and may not contain '/' or '%'`
        : undefined;
    case 'label':
      if (name.length > 63) return 'must be no more than 63 characters';
      return LABEL.test(name)
        ? undefined
        : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    case 'label1035':
      if (name.length > 63) return 'must be no more than 63 characters';
      return LABEL_1035.test(name)
        ? undefined
        : "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    default:
      if (name.length > 253) return 'must be no more than 253 characters';
      return SUBDOMAIN.test(name)
        ? undefined
        : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
  }
}

/** Problems of labels at `path`. */
export function checkLabels(labels: Json | undefined, path: string): Cause[] {
  const causes: Cause[] = [];
  for (const [key, value] of Object.entries(asObject(labels))) {
    const problem = labelKeyProblem(key);
    if (problem) causes.push(fieldError.invalid(path, key, problem));
    const text = asString(value);
    const wrong = labelValueProblem(text);
    if (wrong) causes.push(fieldError.invalid(path, text, wrong));
  }
  return causes;
}

/** Why `text` can be no value of a label. */
export function labelValueProblem(text: string): string | undefined {
  if (text.length > 63) return 'must be no more than 63 characters';
  return LABEL_VALUE.test(text)
    ? undefined
    : "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

/** Why `key` can be no key of a label or annotation, nor the name of a finalizer. */
export function labelKeyProblem(key: string): string | undefined {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2 || name === '' || name.length > 63 || !QUALIFIED.test(name)) {
    return "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  }
  const problem = parts.length === 2 ? nameProblem(parts[0] ?? '', 'subdomain') : undefined;
  return problem === undefined ? undefined : `prefix part ${problem}`;
}

/** Why `name` can be no name of a port (IANA_SVC_NAME); empty when it can. */
export function portNameProblems(name: string): string[] {
  const problems = {
    'must be no more than 15 characters': name.length > 15,
    'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)': !/^[-a-z0-9]*$/.test(
      name,
    ),
    'must contain at least one letter (a-z)': !/[a-z]/.test(name),
    'must not contain consecutive hyphens': name.includes('--'),
    'must not begin or end with a hyphen': /^-|-$/.test(name),
  };
  return Object.entries(problems).flatMap(([why, isSo]) => (isSo ? [why] : []));
}

/** Problems of the metadata common to every kind. */
export function checkMetadata(metadata: JsonObject, form: NameForm, needsDomains = false): Cause[] {
  const causes: Cause[] = [];
  const name = asString(metadata.name);
  if (name === '') {
    causes.push(fieldError.required('metadata.name', 'name or generateName is required'));
  } else {
    const problem = nameProblem(name, form);
    if (problem) causes.push(fieldError.invalid('metadata.name', name, problem));
  }
  causes.push(...checkLabels(metadata.labels, 'metadata.labels'));
  let bytes = 0;
  for (const [key, value] of Object.entries(asObject(metadata.annotations))) {
    const problem = labelKeyProblem(key.toLowerCase());
    if (problem) causes.push(fieldError.invalid('metadata.annotations', key, problem));
    bytes += key.length + asString(value).length;
  }
  if (bytes > ANNOTATIONS_BYTES_MAX) {
    causes.push({
      reason: 'FieldValueTooLong',
      field: 'metadata.annotations',
      message: `Too long: may not be more than ${ANNOTATIONS_BYTES_MAX} bytes`,
    });
  }
  asObjects(metadata.ownerReferences).forEach((owner, index) => {
    for (const key of ['apiVersion', 'kind', 'name', 'uid']) {
      if (asString(owner[key]) === '') {
        const path = `metadata.ownerReferences[${index}].${key}`;
        causes.push(fieldError.invalid(path, '', `${key} must not be empty`));
      }
    }
  });
  const controllers = asObjects(metadata.ownerReferences)
    .filter(({ controller }) => controller === true)
    .map(({ kind, name: owner }) => `${asString(kind)}/${asString(owner)}`);
  if (controllers.length > 1) {
    const why = `Only one reference can have Controller set to true. Found "true" in references for ${controllers[0]} and ${controllers[1]}`;
    causes.push(
      fieldError.invalid('metadata.ownerReferences', metadata.ownerReferences ?? [], why),
    );
  }
  asList(metadata.finalizers).forEach((finalizer, index) => {
    const problem = labelKeyProblem(asString(finalizer));
    const isBare = needsDomains && !hasOwner(asString(finalizer));
    const why = problem ?? (isBare ? BARE : undefined);
    if (why) causes.push(fieldError.invalid(`metadata.finalizers[${index}]`, finalizer, why));
  });
  return causes;
}

const BARE = 'name is neither a standard finalizer name nor is it fully qualified';
const STANDARD = ['foregroundDeletion', 'kubernetes', 'orphan'];

/** Whether a finalizer says whose it is, or is Kubernetes' own. */
function hasOwner(finalizer: string): boolean {
  return finalizer.includes('/') || STANDARD.includes(finalizer);
}
