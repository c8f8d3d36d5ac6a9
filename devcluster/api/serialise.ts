/**
 * JSON text of stored objects, made once however many clients read it.
 */

import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import type { KubeObject } from '../values/json.ts';
import { shown } from './objects.ts';

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
    const { kind, apiVersion, ...rest } = shown(def, stored);
    // First what it is, as everywhere in Kubernetes.
    text = JSON.stringify({ kind, apiVersion, ...rest });
    byVersion.set(version, text);
  }
  return text;
}

/** {@link textOf} as an item of a list: those of builtin kinds do not repeat what the list says. */
export function itemTextOf(def: ResourceDef, stored: KubeObject): string {
  const text = textOf(def, stored);
  const head = `{"kind":${JSON.stringify(def.kind)},"apiVersion":${JSON.stringify(groupVersion(def))},`;
  return !def.custom && text.startsWith(head) ? `{${text.slice(head.length)}` : text;
}
