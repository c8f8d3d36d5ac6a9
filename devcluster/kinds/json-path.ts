/**
 * JSONPath as printer columns of CustomResourceDefinitions use it. pure
 */
import { asObject, at, type Json, type JsonObject } from '../values/json.ts';

/** The subset of JSONPath printer columns use: members, indices, `[*]` and one equality filter. */
export function jsonPath(path: string): (object: JsonObject) => Json | undefined {
  const steps = [
    ...path.matchAll(
      /\.([A-Za-z0-9_$-]+(?:\\\.[A-Za-z0-9_$-]+)*(?:\/[A-Za-z0-9_-]+)?)|\[(\d+)\]|\['([^']+)'\]|\[(\*)\]|\[\?\(@\.([A-Za-z0-9_.-]+)\s*==\s*["']([^"']*)["']\)\]/g,
    ),
  ];
  return (object) => {
    let current: Json[] = [object];
    for (const [, name, index, quoted, star, filterKey, filterValue] of steps) {
      const key = name?.replaceAll('\\.', '.') ?? quoted;
      current = current.flatMap((value) => {
        if (key !== undefined) {
          const next = asObject(value)[key];
          return next === undefined ? [] : [next];
        }
        if (!Array.isArray(value)) return [];
        if (index !== undefined) return value.slice(Number(index), Number(index) + 1);
        if (star) return value;
        const path = (filterKey ?? '').split('.');
        return value.filter((item) => String(at(item, ...path)) === filterValue);
      });
    }
    return current[0];
  };
}
