/**
 * Items of a list that have one key, which nobody can apply: whose field would each be? pure
 *
 * sigs.k8s.io/structured-merge-diff makes no typed object of such a list.
 */

import { memberOf, type Schema } from '../schema/schema.ts';
import { isObject, type Json, type JsonObject } from '../values/json.ts';
import { itemElement } from './field-set.ts';

/** What is repeated in `value`, in words. */
export function repeatedItems(schema: Schema, value: Json, path = ''): string[] {
  if (isObject(value)) {
    return Object.entries(value).flatMap(([key, item]) => {
      const member = memberOf(schema, key);
      return member && item !== undefined ? repeatedItems(member, item, `${path}.${key}`) : [];
    });
  }
  const { items } = schema;
  if (!Array.isArray(value) || !items) return [];
  const below = value.flatMap((item) => repeatedItems(items, item, path));
  if (schema.listType !== 'map' && schema.listType !== 'set') return below;
  const elements = value.map((item) => itemElement(schema, item));
  const repeated = elements.filter(
    (each, index) => each !== undefined && elements.indexOf(each) < index,
  );
  const spelt = [...new Set(repeated)].map((each) => spell(each ?? ''));
  return [...spelt.map((key) => `${path}: duplicate entries for key ${key}`), ...below];
}

/** `[port=80,protocol="TCP"]`, or `[="x"]` for an item of a set. */
function spell(element: string): string {
  const json = element.slice(2);
  if (element.startsWith('v:')) return `[=${json}]`;
  const keys = Object.entries(JSON.parse(json) as JsonObject);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}
