/**
 * Schemas of the built-in kinds, from the generated field table.
 *
 * Read once, at first use; descriptions only when somebody asks for OpenAPI.
 */
import { readFileSync } from 'node:fs';
import { ATOMIC, KEY_DEFAULTS, LIST_RULES, QUANTITIES, RETAIN_KEYS } from './annotations.ts';
import { ANY, type Schema } from './schema.ts';

let loaded: Map<string, Schema> | undefined;
let described = false;

/** The schema of model `name`, such as `V1Pod`. Throws when the field table lacks it. */
export function builtinSchema(name: string): Schema {
  loaded ??= load();
  const schema = loaded.get(name);
  if (!schema) throw new Error(`no schema of ${name}: run devcluster/schema/generate.ts`);
  return schema;
}

/** Fills in the descriptions of every built-in type and field; idempotent. */
export function describeBuiltins(): void {
  if (described) return;
  described = true;
  loaded ??= load();
  const text = readFileSync(new URL('descriptions.txt', import.meta.url), 'utf8');
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const [type = '', field = ''] = line.slice(0, space).split('.', 2);
    const schema = loaded.get(type);
    const description = line.slice(space + 1);
    if (!schema) continue;
    if (field === '') {
      schema.description = description;
      continue;
    }
    const member = schema.properties?.get(field);
    // A member that is a shared type has a description of its own beside the reference.
    if (member) schema.properties?.set(field, { ...member, description });
  }
}

function load(): Map<string, Schema> {
  const types = new Map<string, Schema>();
  const text = readFileSync(new URL('types.txt', import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  for (const line of lines) {
    if (line.startsWith(' ')) continue;
    const [name = '', group = ''] = line.split(' ');
    types.set(name, { type: 'object', name, group, properties: new Map(), required: new Set() });
    if (ATOMIC.has(name)) (types.get(name) as Schema).atomic = true;
  }
  let owner: Schema | undefined;
  for (const line of lines) {
    if (!line.startsWith(' ')) {
      owner = types.get(line.slice(0, line.indexOf(' ')));
      continue;
    }
    const [field = '', type = ''] = line.trim().split(' ');
    const name = field.replace(/!$/, '');
    if (field.endsWith('!')) owner?.required?.add(name);
    owner?.properties?.set(name, fieldSchema(`${owner.name}.${name}`, type, types));
  }
  return types;
}

function fieldSchema(path: string, type: string, types: Map<string, Schema>): Schema {
  const schema = typeSchema(type, types);
  if (QUANTITIES.has(path)) {
    return schema.additional
      ? { ...schema, additional: { ...schema.additional, quantity: true } }
      : { ...schema, quantity: true };
  }
  const keyDefault = KEY_DEFAULTS[path];
  if (keyDefault !== undefined) return { ...schema, default: keyDefault };
  if (ATOMIC.has(path)) return { ...schema, atomic: true };
  if (RETAIN_KEYS.has(path)) return { ...schema, patchStrategy: 'retainKeys' };
  const rule = LIST_RULES[path];
  if (rule) {
    schema.listType = rule.type;
    if (rule.keys) schema.listKeys = rule.keys;
    if (rule.mergeKey) schema.mergeKey = rule.mergeKey;
    if (rule.strategy) schema.patchStrategy = rule.strategy;
  }
  return schema;
}

function typeSchema(type: string, types: Map<string, Schema>): Schema {
  if (type.startsWith('[]')) return { type: 'array', items: typeSchema(type.slice(2), types) };
  if (type.startsWith('{}')) {
    return { type: 'object', additional: typeSchema(type.slice(2), types) };
  }
  switch (type) {
    case 'string':
    case 'boolean':
    case 'number':
      return { type };
    case 'int32':
    case 'int64':
      return { type: 'integer', format: type };
    case 'byte':
      return { type: 'string', format: 'byte' };
    case 'time':
    case 'microTime':
      return { type: 'string', format: 'date-time' };
    case 'intOrString':
      return { type: 'any', intOrString: true, format: 'int-or-string' };
    case 'any':
      return ANY;
    default: {
      const shared = types.get(type);
      if (!shared) throw new Error(`unknown type ${type} in the field table`);
      return shared;
    }
  }
}
