/**
 * A protobuf body as the JSON object it stands for.
 *
 * Promises: a field that is not in the table is never dropped in silence: the request is refused with 415.
 */

import { builtinSchema } from '../schema/builtin.ts';
import type { Schema } from '../schema/schema.ts';
import type { Json, JsonObject } from '../values/json.ts';
import { asObject } from '../values/json.ts';
import { badRequest, unsupportedMediaType } from '../values/status.ts';
import { type Entry, tableOf } from './messages.ts';
import { readFields } from './wire.ts';

/** The media type of Kubernetes' protobuf envelope. */
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

const MAGIC = Buffer.from('k8s\0');
const DEPTH_MAX = 32;

/** Kinds whose models in the field table are called otherwise than `V1KIND`. */
const MODELS: Readonly<Record<string, string>> = {
  'authentication.k8s.io/v1 TokenRequest': 'AuthenticationV1TokenRequest',
  'v1 Event': 'CoreV1Event',
  'events.k8s.io/v1 Event': 'EventsV1Event',
};

/** Decodes the envelope `body` (k8s.io/apimachinery/pkg/runtime Unknown) and what is in it. */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, 4).equals(MAGIC)) {
    throw badRequest('the protobuf body lacks the prefix of Kubernetes');
  }
  let apiVersion = '';
  let kind = '';
  let raw: Buffer = Buffer.alloc(0);
  for (const { number, value } of readFields(body.subarray(4))) {
    if (number === 1 && typeof value !== 'bigint') {
      for (const field of readFields(value)) {
        if (field.number === 1) apiVersion = text(field.value);
        if (field.number === 2) kind = text(field.value);
      }
    } else if (number === 2 && typeof value !== 'bigint') raw = value;
  }
  const model = MODELS[`${apiVersion} ${kind}`] ?? `V1${kind}`;
  if (!tableOf(model) || !/(^|\/)v1$/.test(apiVersion)) throw refused();
  const schema = builtinSchema(model);
  return { apiVersion, kind, ...message(schema, schema.name ?? '', raw, 0) };
}

function refused(): Error {
  return unsupportedMediaType(['application/json', 'application/yaml']);
}

/** The message called `name`, whose fields `schema` describes. */
function message(schema: Schema, name: string, bytes: Buffer, depth: number): JsonObject {
  const table = tableOf(name);
  if (!table || depth > DEPTH_MAX) throw refused();
  const result: JsonObject = {};
  for (const { number, value } of readFields(bytes)) {
    const entry = table.get(number);
    if (entry?.inlined !== undefined) {
      Object.assign(result, message(schema, entry.inlined, need(value), depth + 1));
      continue;
    }
    const member = entry && schema.properties?.get(entry.name);
    if (!entry || !member) {
      // What is empty says nothing, so nothing is lost.
      if (value === 0n || (typeof value !== 'bigint' && value.length === 0)) continue;
      throw refused();
    }
    read(result, entry, member, value, depth);
  }
  return result;
}

/** Adds what a field holds to `result`; one that repeats is added to what is there. */
function read(
  result: JsonObject,
  entry: Entry,
  member: Schema,
  value: bigint | Buffer,
  depth: number,
): void {
  const { name } = entry;
  if (member.type === 'array') {
    const list = (result[name] ?? []) as Json[];
    result[name] = list;
    list.push(single(member.items ?? { type: 'string' }, value, depth));
  } else if (member.additional) {
    const map = asObject(result[name]);
    result[name] = map;
    const pair = mapEntry(member.additional, value, depth);
    map[pair.key] = pair.value;
  } else {
    const decoded = entry.isMicro ? time(need(value), 6) : single(member, value, depth);
    if (entry.keepsZero || !isEmpty(decoded)) result[name] = decoded;
  }
}

function mapEntry(
  schema: Schema,
  value: bigint | Buffer,
  depth: number,
): { key: string; value: Json } {
  let key = '';
  let item: Json = '';
  for (const field of readFields(need(value))) {
    if (field.number === 1) key = text(field.value);
    if (field.number === 2) item = single(schema, field.value, depth);
  }
  return { key, value: item };
}

function single(schema: Schema, value: bigint | Buffer, depth: number): Json {
  // A structure without a field, such as an emptyDir, is one all the same.
  if (schema.properties) return message(schema, schema.name ?? '', need(value), depth + 1);
  if (schema.intOrString) return intOrString(need(value));
  // resource.Quantity: string=1.
  if (schema.quantity) return text(firstOf(need(value)));
  switch (schema.type) {
    case 'integer':
    case 'number':
      return Number(value);
    case 'boolean':
      return value !== 0n;
    case 'string':
      if (schema.format === 'byte') return need(value).toString('base64');
      return schema.format === 'date-time' ? time(need(value)) : text(value);
    case 'array': {
      // The values of a map that are lists, such as authentication.ExtraValue: items=1.
      const items = [...readFields(need(value))];
      return items.map((item) => single(schema.items ?? { type: 'string' }, item.value, depth));
    }
    case 'any':
      return rawJson(firstOf(need(value)));
    default:
      throw refused();
  }
}

function firstOf(bytes: Buffer): Buffer {
  for (const field of readFields(bytes)) if (field.number === 1) return need(field.value);
  return Buffer.alloc(0);
}

/** metav1.FieldsV1 and runtime.RawExtension: raw=1. */
function rawJson(bytes: Buffer): Json {
  try {
    return JSON.parse(bytes.toString()) as Json;
  } catch {
    throw badRequest('the protobuf body holds JSON that is none');
  }
}

/** metav1.Time and MicroTime: seconds=1, nanos=2, with `digits` after the second; empty for the zero time. */
function time(bytes: Buffer, digits = 0): string {
  const found = new Map([...readFields(bytes)].map(({ number, value }) => [number, Number(value)]));
  const seconds = found.get(1) ?? 0;
  if (seconds <= 0) return '';
  const nanos = String(found.get(2) ?? 0).padStart(9, '0');
  const fraction = digits === 0 ? '' : `.${nanos.slice(0, digits)}`;
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19)}${fraction}Z`;
}

/** intstr.IntOrString: type=1, intVal=2, strVal=3. */
function intOrString(bytes: Buffer): Json {
  const found = new Map([...readFields(bytes)].map((field) => [field.number, field.value]));
  return found.get(1) === 1n ? text(found.get(3) ?? Buffer.alloc(0)) : Number(found.get(2) ?? 0);
}

function isEmpty(value: Json): boolean {
  if (value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function need(value: bigint | Buffer): Buffer {
  if (typeof value === 'bigint') throw badRequest('the protobuf body is malformed');
  return value;
}

function text(value: bigint | Buffer): string {
  return need(value).toString();
}
