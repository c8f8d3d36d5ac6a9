/**
 * What makes the schema of a custom resource structural, as far as the server relies on it. pure
 *
 * After pkg/apis/apiextensions/validation and pkg/apiserver/schema of k8s.io/apiextensions-apiserver.
 */

import { decode } from '../schema/decode.ts';
import { compilePattern } from '../schema/pattern.ts';
import { checkConstraints, customSchema } from '../schema/structural.ts';
import { asObject, asObjects, asString, asStrings, type JsonObject } from '../values/json.ts';
import { type Cause, fieldError } from '../values/status.ts';

/** The rules that make a schema structural, as far as the server relies on them. */
export function checkStructural(
  node: JsonObject,
  path: string,
  root: boolean,
  causes: Cause[],
): void {
  const free =
    node['x-kubernetes-int-or-string'] === true ||
    node['x-kubernetes-preserve-unknown-fields'] === true;
  if (asString(node.type) === '' && !free) {
    causes.push(
      fieldError.required(`${path}.type`, 'must not be empty for specified object fields'),
    );
  }
  if (root && node.type !== 'object') {
    causes.push(fieldError.invalid(`${path}.type`, node.type, 'must be object at the root'));
  }
  if (node.pattern !== undefined) {
    try {
      compilePattern(asString(node.pattern));
    } catch (error) {
      causes.push(fieldError.invalid(`${path}.pattern`, node.pattern, String(error)));
    }
  }
  if (asObjects(node['x-kubernetes-validations']).length > 0) {
    // A rule that is kept and not evaluated would let objects in that a real cluster refuses.
    const why =
      'this embedded cluster evaluates no CEL; leave the rules out, or use another cluster';
    causes.push(fieldError.forbidden(`${path}.x-kubernetes-validations`, why));
  }
  if (node.default !== undefined) causes.push(...checkDefault(node, `${path}.default`));
  if (node['x-kubernetes-list-type'] === 'map') causes.push(...checkListKeys(node, path));
  if (node.type === 'array' && node.items === undefined) {
    causes.push(fieldError.required(`${path}.items`, 'must be specified'));
  }
  for (const [key, value] of Object.entries(asObject(node.properties))) {
    if (root && (key === 'metadata' || key === 'apiVersion' || key === 'kind')) continue;
    checkStructural(asObject(value), `${path}.properties[${key}]`, false, causes);
  }
  if (node.items !== undefined) {
    checkStructural(asObject(node.items), `${path}.items`, false, causes);
  }
  const additional = node.additionalProperties;
  if (additional !== undefined && typeof additional === 'object') {
    checkStructural(asObject(additional), `${path}.additionalProperties`, false, causes);
  }
}

/** A default must be a value of its own schema, or every object that lacks the field would break it. */
function checkDefault(node: JsonObject, field: string): Cause[] {
  const schema = customSchema({ type: 'object', properties: { default: node } });
  const { value, mistyped } = decode(schema, { default: node.default });
  const [wrong] = mistyped;
  if (wrong) {
    const why = `default in body must be of type ${wrong.expected}: ${JSON.stringify(wrong.actual)}`;
    return [fieldError.invalid(field, wrong.actual, why)];
  }
  return checkConstraints(schema, value).map((cause) => ({ ...cause, field }));
}

/** An item without one of its keys could not be told from others. */
function checkListKeys(node: JsonObject, path: string): Cause[] {
  const item = asObject(node.items);
  return asStrings(node['x-kubernetes-list-map-keys']).flatMap((key): Cause[] => {
    const property = asObject(item.properties)[key];
    if (property === undefined) {
      const keys = `${path}.x-kubernetes-list-map-keys`;
      return [fieldError.invalid(keys, key, 'entries must all be names of item properties')];
    }
    if (asStrings(item.required).includes(key) || asObject(property).default !== undefined)
      return [];
    const why =
      'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
    return [fieldError.required(`${path}.items.properties[${key}].default`, why)];
  });
}
