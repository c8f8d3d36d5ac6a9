/**
 * A client's object, checked against the resource it was sent to. pure
 *
 * Field validation after "Server-side field validation" (KEP-2885): unknown fields are dropped, and
 * reported as an error (Strict) or a warning (Warn).
 */

import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import { decode } from '../schema/decode.ts';
import { asString, isObject, type JsonObject, type KubeObject } from '../values/json.ts';
import { type ApiError, badRequest, fieldError, invalid } from '../values/status.ts';
import { duplicatesOf } from './duplicates.ts';

/** `fieldValidation` of a write. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** Warnings of one answer. */
const WARNINGS_MAX = 64;

/** What a body is refused with that cannot be read as an object of `def`, or not strictly. */
type Unreadable = (def: ResourceDef, why: string, body: JsonObject) => ApiError;

const unreadableBody: Unreadable = (def, why) =>
  badRequest(
    `${def.kind} in version ${JSON.stringify(def.version)} cannot be handled as a ${def.kind}: ${why}`,
  );

/** {@link Unreadable} of what a patch leads to: staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go. */
export const unreadablePatch: Unreadable = (_def, why, body) =>
  invalid('', '', '', [fieldError.invalid('patch', JSON.stringify(body), why)]);

/** Decodes `body` as an object of `def` in `namespace`; throws 400 or 422 ApiErrors. */
export function decodeBody(
  def: ResourceDef,
  namespace: string,
  body: JsonObject,
  validation: FieldValidation,
  warnings: string[] | undefined,
  unreadable = unreadableBody,
): KubeObject {
  if (def.custom && asString(body.kind) === '') {
    // Of a built-in kind the URL says what it is; a custom object has no type but what it says itself.
    const why = `Object 'Kind' is missing in '${JSON.stringify(body)}'`;
    throw unreadable(def, `unmarshalerDecoder: ${why}`, body);
  }
  const apiVersion = body.apiVersion ?? groupVersion(def);
  const kind = body.kind ?? def.kind;
  if (kind !== def.kind) {
    throw badRequest(
      `${asString(kind)} in version ${JSON.stringify(groupVersion(def).split('/').at(-1))} cannot be handled as a ${def.kind}: no kind ${JSON.stringify(kind)} is registered`,
    );
  }
  if (apiVersion !== groupVersion(def)) {
    throw badRequest(
      `the API version in the data (${asString(apiVersion)}) does not match the expected API version (${groupVersion(def)})`,
    );
  }
  const { value, unknown, mistyped } = decode(def.schema, { ...body, apiVersion, kind });
  const name = isObject(value.metadata) ? asString(value.metadata.name) : '';
  const [wrong] = mistyped;
  if (wrong && def.custom) {
    throw invalid(
      def.group,
      def.kind,
      name,
      mistyped.map((item) => ({
        reason: 'FieldValueTypeInvalid',
        field: item.path,
        message: `Invalid value: ${JSON.stringify(item.actual)}: ${item.path} in body must be of type ${item.expected}: ${JSON.stringify(item.actual)}`,
      })),
    );
  }
  if (wrong?.expected === 'base64') {
    throw unreadable(def, 'illegal base64 data at input byte 0', body);
  }
  if (wrong) {
    const why = `json: cannot unmarshal ${wrong.actual} into Go struct field ${def.kind}.${wrong.path} of type ${wrong.expected}`;
    throw unreadable(def, why, body);
  }
  const complaints = [
    ...duplicatesOf(body).map((path) => `duplicate field ${JSON.stringify(path)}`),
    ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`),
  ];
  if (complaints.length > 0 && validation === 'Strict') {
    throw unreadable(def, `strict decoding error: ${complaints.join(', ')}`, body);
  }
  if (validation === 'Warn') warnings?.push(...complaints.slice(0, WARNINGS_MAX));
  const metadata = isObject(value.metadata) ? withoutEmpty(value.metadata) : {};
  const sent = asString(metadata.namespace);
  if (def.namespaced) {
    if (sent !== '' && sent !== namespace) {
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request`,
      );
    }
    metadata.namespace = namespace;
  } else if (sent !== '') {
    throw invalid(def.group, def.kind, name, [
      fieldError.forbidden('metadata.namespace', 'not allowed on this type'),
    ]);
  }
  return { ...value, metadata } as KubeObject;
}

/** ObjectMeta leaves out what is empty, and so does every answer. */
function withoutEmpty(metadata: JsonObject): JsonObject {
  const kept: JsonObject = {};
  for (const [key, value] of Object.entries(metadata)) {
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
    if (!isEmpty && value !== '') kept[key] = value;
  }
  return kept;
}
