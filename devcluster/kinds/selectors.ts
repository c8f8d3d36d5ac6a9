/**
 * Label and field selectors. pure
 *
 * Grammar and meaning as in "Labels and Selectors" and "Field Selectors" of the Kubernetes documentation.
 */

import { asObject, asObjects, asString, asStrings, at, type JsonObject } from '../values/json.ts';
import { badRequest } from '../values/status.ts';
import { labelKeyProblem, labelValueProblem } from './names.ts';

/** Whether an object is selected. */
export type Predicate = (object: JsonObject) => boolean;

/** Of one requirement without space around it. Takes time in proportion to its length, for selectors are as long as a URL may be. */
const REQUIREMENT =
  /^(?:(!)\s*([^\s=!<>(),]+)|([^\s=!<>(),]+)(?:\s*(==|=|!=|>|<)\s*([^\s,()]*)|\s+(in|notin)\s*\(([^()]*)\))?)$/;

interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values: readonly string[];
}

/** Parses `text`; throws a 400 ApiError that names it when malformed. */
export function labelPredicate(text: string): Predicate | undefined {
  const requirements = parseLabels(text);
  if (requirements.length === 0) return undefined;
  return (object) => {
    const labels = asObject(at(object, 'metadata', 'labels'));
    return requirements.every((requirement) => holds(requirement, labels));
  };
}

/** Whether `labels` match the metav1.LabelSelector `selector`; an empty one matches everything. */
export function matchesSelector(selector: JsonObject, labels: JsonObject): boolean {
  for (const [key, value] of Object.entries(asObject(selector.matchLabels))) {
    if (labels[key] !== value) return false;
  }
  return asObjects(selector.matchExpressions).every((expression) =>
    holds(
      {
        key: asString(expression.key),
        operator: asString(expression.operator) as Requirement['operator'],
        values: asStrings(expression.values),
      },
      labels,
    ),
  );
}

/** The text form of a metav1.LabelSelector, as `status.selector` of a Scale has it. */
export function selectorText(selector: JsonObject): string {
  const parts = Object.entries(asObject(selector.matchLabels)).map(
    ([key, value]) => `${key}=${asString(value)}`,
  );
  for (const expression of asObjects(selector.matchExpressions)) {
    const key = asString(expression.key);
    const values = asStrings(expression.values).join(',');
    const operator = asString(expression.operator);
    if (operator === 'Exists') parts.push(key);
    else if (operator === 'DoesNotExist') parts.push(`!${key}`);
    else parts.push(`${key} ${operator.toLowerCase()} (${values})`);
  }
  return parts.sort().join(',');
}

function parseLabels(text: string): Requirement[] {
  if (text.trim() === '') return [];
  return splitOutside(text).map((part) => checked(parseRequirement(part.trim())));
}

function parseRequirement(part: string): Requirement {
  const match = REQUIREMENT.exec(part);
  if (!match) {
    throw badRequest(`unable to parse requirement: found '${part}', expected: identifier`);
  }
  const [, not, absent, key = '', sign, value = '', word, list = ''] = match;
  if (not) return { key: absent ?? '', operator: 'DoesNotExist', values: [] };
  if (sign === '>' || sign === '<') {
    return { key, operator: sign === '>' ? 'Gt' : 'Lt', values: [value] };
  }
  if (sign) return { key, operator: sign === '!=' ? 'NotIn' : 'In', values: [value] };
  if (word) {
    const values = list.split(',').map((item) => item.trim());
    return { key, operator: word === 'in' ? 'In' : 'NotIn', values };
  }
  return { key, operator: 'Exists', values: [] };
}

/** NewRequirement in k8s.io/apimachinery/pkg/labels: what can be no label is a mistake, not something that matches nothing. */
function checked(requirement: Requirement): Requirement {
  const { key, operator, values } = requirement;
  const wrongKey = labelKeyProblem(key);
  if (wrongKey)
    throw badRequest(
      `unable to parse requirement: key: Invalid value: ${JSON.stringify(key)}: ${wrongKey}`,
    );
  values.forEach((value, index) => {
    const isOrder = operator === 'Gt' || operator === 'Lt';
    const why =
      isOrder && !/^[+-]?\d+$/.test(value)
        ? "for 'Gt', 'Lt' operators, the value must be an integer"
        : labelValueProblem(value);
    if (why)
      throw badRequest(
        `unable to parse requirement: values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${why}`,
      );
  });
  return requirement;
}

function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (char === '(') depth += 1;
    else if (char === ')') depth -= 1;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function holds(requirement: Requirement, labels: JsonObject): boolean {
  const value = labels[requirement.key];
  switch (requirement.operator) {
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'In':
      return typeof value === 'string' && requirement.values.includes(value);
    case 'NotIn':
      return typeof value !== 'string' || !requirement.values.includes(value);
    case 'Gt':
      return value !== undefined && Number(value) > Number(requirement.values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(requirement.values[0]);
    default:
      return false;
  }
}

/**
 * Parses a field selector for a resource that knows `fields` (path → reader). Unknown labels are a
 * 400, worded as the real server words them.
 */
export function fieldPredicate(
  text: string,
  fields: ReadonlyMap<string, (object: JsonObject) => string>,
): Predicate | undefined {
  if (text.trim() === '') return undefined;
  const terms = text
    .split(',')
    .filter((term) => term !== '')
    .map((term) => {
      const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(term.trim());
      if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
      const [, path = '', sign, value = ''] = match;
      const read = fields.get(path);
      if (!read) throw badRequest(`field label not supported: ${path}`);
      return { read, equal: sign !== '!=', value };
    });
  return (object) => terms.every((term) => (term.read(object) === term.value) === term.equal);
}

/** The fields every resource can be selected by. */
export const METADATA_FIELDS: ReadonlyMap<string, (object: JsonObject) => string> = new Map([
  ['metadata.name', field('metadata', 'name')],
  ['metadata.namespace', field('metadata', 'namespace')],
]);

/** A reader of the text at `path`; numbers and booleans as text. */
export function field(...path: string[]): (object: JsonObject) => string {
  return (object) => {
    const value = at(object, ...path);
    return value === undefined || value === null ? '' : String(value);
  };
}
