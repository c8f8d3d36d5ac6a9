/**
 * From what a client sent to what the server keeps: types checked, unknown fields found and dropped. pure
 *
 * Promises: the input is not changed; every unknown field is reported with its path; a value of the
 * wrong type is reported, never coerced, but for quantities, which have one form however they are written.
 */
import { isObject, type Json, type JsonObject } from '../values/json.ts';
import { canonicalQuantity } from './quantity.ts';
import { memberOf, type Schema } from './schema.ts';

/** What {@link decode} found. */
export interface Decoded {
  readonly value: JsonObject;
  /** Paths such as `spec.replicaz`. */
  readonly unknown: readonly string[];
  readonly mistyped: readonly Mistyped[];
}

/** A value of the wrong type. */
export interface Mistyped {
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly value: Json;
}

const DEPTH_MAX = 128;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Walks `value` along `schema`. Null members are dropped unless the schema is nullable. */
export function decode(schema: Schema, value: JsonObject): Decoded {
  const walk = new Walk();
  const decoded = walk.visit(schema, value, '', 0);
  return { value: decoded as JsonObject, unknown: walk.unknown, mistyped: walk.mistyped };
}

class Walk {
  readonly unknown: string[] = [];
  readonly mistyped: Mistyped[] = [];

  visit(schema: Schema, value: Json, path: string, depth: number): Json {
    if (depth > DEPTH_MAX) {
      this.#wrong(path, 'a shallower value', value);
      return null;
    }
    switch (schema.type) {
      case 'any':
        if (schema.intOrString && typeof value !== 'string' && !Number.isInteger(value)) {
          this.#wrong(path, 'integer or string', value);
        }
        return value;
      case 'object':
        return this.#object(schema, value, path, depth);
      case 'array':
        return this.#array(schema, value, path, depth);
      case 'string':
        if (schema.quantity) return this.#quantity(value, path);
        if (typeof value !== 'string') this.#wrong(path, 'string', value);
        // Of built-in kinds alone: a custom object is held to its formats later, one by one.
        else if (schema.format === 'byte' && !schema.constraints && !BASE64.test(value)) {
          this.#wrong(path, 'base64', value);
        }
        return value;
      case 'integer':
        if (typeof value !== 'number' || !Number.isInteger(value)) {
          this.#wrong(path, 'integer', value);
        }
        return value;
      default:
        // A whole number is a number, too.
        if (typeof value !== schema.type) this.#wrong(path, schema.type, value);
        return value;
    }
  }

  #object(schema: Schema, value: Json, path: string, depth: number): Json {
    if (!isObject(value)) {
      this.#wrong(path, 'object', value);
      return value;
    }
    const result: JsonObject = {};
    for (const key in value) {
      const item = value[key];
      if (item === undefined) continue;
      const below = path === '' ? key : `${path}.${key}`;
      const member =
        memberOf(schema, key) ??
        (schema.embedded && ['apiVersion', 'kind', 'metadata'].includes(key)
          ? ({ type: 'any', preserveUnknown: true } as Schema)
          : undefined);
      if (!member) {
        this.unknown.push(below);
        continue;
      }
      if (item === null && member.type !== 'any') {
        if (member.nullable) result[key] = null;
        continue;
      }
      result[key] = this.visit(member, item, below, depth + 1);
    }
    return result;
  }

  #quantity(value: Json, path: string): Json {
    const isText = typeof value === 'string' || typeof value === 'number';
    const canonical = isText ? canonicalQuantity(String(value)) : undefined;
    if (canonical === undefined) this.#wrong(path, 'quantity', value);
    return canonical ?? value;
  }

  #array(schema: Schema, value: Json, path: string, depth: number): Json {
    if (!Array.isArray(value)) {
      this.#wrong(path, 'array', value);
      return value;
    }
    const items = schema.items;
    if (!items) return value;
    return value.map((item, index) => this.visit(items, item, `${path}[${index}]`, depth + 1));
  }

  #wrong(path: string, expected: string, value: Json): void {
    this.mistyped.push({ path, expected, actual: jsonType(value), value });
  }
}

function jsonType(value: Json): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}
