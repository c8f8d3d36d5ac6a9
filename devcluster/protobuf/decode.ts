/**
 * A protobuf body as the JSON object it stands for.
 *
 * Promises: a field that is not in the table is never dropped in silence: the request is refused with 415.
 */
import type { Json, JsonObject } from '../api/json.ts';
import { asObject } from '../api/json.ts';
import { badRequest, unsupportedMediaType } from '../api/status.ts';
import { builtinSchema } from '../schema/builtin.ts';
import type { Schema } from '../schema/schema.ts';
import { MESSAGES } from './messages.ts';
import { readFields } from './wire.ts';

/** The media type of Kubernetes' protobuf envelope. */
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

const MAGIC = Buffer.from('k8s\0');
const DEPTH_MAX = 32;

interface Entry {
  readonly name: string;
  readonly keepsZero: boolean;
}

const tables = new Map<string, Map<number, Entry>>();

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
  const model = kind === 'TokenRequest' ? 'AuthenticationV1TokenRequest' : `V1${kind}`;
  if (!tableOf(model) || !/(^|\/)v1$/.test(apiVersion)) throw refused();
  return { apiVersion, kind, ...message(builtinSchema(model), raw, 0) };
}

function refused(): Error {
  return unsupportedMediaType(['application/json', 'application/yaml']);
}

function tableOf(model: string): Map<number, Entry> | undefined {
  const line = MESSAGES[model];
  if (line === undefined) return undefined;
  let table = tables.get(model);
  if (!table) {
    table = new Map(
      line.split(' ').map((item) => {
        const [name = '', number = ''] = item.split('=');
        return [Number.parseInt(number, 10), { name, keepsZero: number.endsWith('*') }];
      }),
    );
    tables.set(model, table);
  }
  return table;
}

function message(schema: Schema, bytes: Buffer, depth: number): JsonObject {
  const table = tableOf(schema.name ?? '');
  if (!table || depth > DEPTH_MAX) throw refused();
  const result: JsonObject = {};
  for (const { number, value } of readFields(bytes)) {
    const entry = table.get(number);
    const member = entry && schema.properties?.get(entry.name);
    if (!entry || !member) {
      // What is empty says nothing, so nothing is lost.
      if (value === 0n || (typeof value !== 'bigint' && value.length === 0)) continue;
      throw refused();
    }
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
      const decoded = single(member, value, depth);
      if (entry.keepsZero || !isEmpty(decoded)) result[name] = decoded;
    }
  }
  return result;
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
  if (schema.properties) return message(schema, need(value), depth + 1);
  if (schema.intOrString) return intOrString(need(value));
  switch (schema.type) {
    case 'integer':
    case 'number':
      return Number(value);
    case 'boolean':
      return value !== 0n;
    case 'string':
      if (schema.format === 'byte') return need(value).toString('base64');
      return schema.format === 'date-time' ? time(need(value)) : text(value);
    default:
      throw refused();
  }
}

/** metav1.Time: seconds=1, nanos=2; empty for the zero time. */
function time(bytes: Buffer): string {
  let seconds = 0;
  for (const field of readFields(bytes)) if (field.number === 1) seconds = Number(field.value);
  return seconds <= 0 ? '' : `${new Date(seconds * 1_000).toISOString().slice(0, 19)}Z`;
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
