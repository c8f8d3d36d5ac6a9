/**
 * JSON text of stored objects, made once however many clients read it.
 */
import type { KubeObject } from './json.ts';
import { shown } from './objects.ts';
import { groupVersion, type ResourceDef } from './resources.ts';

const texts = new WeakMap<KubeObject, Map<string, string>>();

/** The JSON of `stored` in the version of `def`; kept as long as the object lives. */
export function textOf(def: ResourceDef, stored: KubeObject): string {
  const version = groupVersion(def);
  let byVersion = texts.get(stored);
  if (!byVersion) {
    byVersion = new Map();
    texts.set(stored, byVersion);
  }
  let text = byVersion.get(version);
  if (text === undefined) {
    text = JSON.stringify(shown(def, stored));
    byVersion.set(version, text);
  }
  return text;
}
