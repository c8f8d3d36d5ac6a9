/**
 * What a change of an object is held to by what there is: its version, its uid, and that its end has not begun. pure
 */

import type { ResourceDef } from '../kinds/resources.ts';
import { asList, asString, isDeleting, type JsonObject, type KubeObject } from '../values/json.ts';
import { conflict, fieldError, invalid, modified } from '../values/status.ts';

/** A write that names a version or uid is of that one: 409 or 422. */
export function checkVersion(def: ResourceDef, live: KubeObject, decoded: KubeObject): void {
  const version = asString(decoded.metadata.resourceVersion);
  const { name } = live.metadata;
  if (version !== '' && version !== live.metadata.resourceVersion) {
    throw modified(def.group, def.plural, name);
  }
  // Of whoever patches or applies it is no precondition, but a field that cannot change.
  const uid = asString(decoded.metadata.uid);
  if (uid !== '' && uid !== live.metadata.uid) {
    throw invalid(def.group, def.kind, name, [
      fieldError.invalid('metadata.uid', uid, 'field is immutable'),
    ]);
  }
}

/** Whoever replaces an object names the one that is meant, or gets a 409. */
export function checkReplacedUid(def: ResourceDef, live: KubeObject, decoded: KubeObject): void {
  const uid = asString(decoded.metadata.uid);
  if (uid === '' || uid === live.metadata.uid) return;
  const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid}`;
  throw conflict(def.group, def.plural, live.metadata.name, why);
}

/** An object whose deletion has begun takes no finalizer that it has not: 422. */
export function checkFinalizers(def: ResourceDef, live: KubeObject, metadata: JsonObject): void {
  if (!isDeleting(live)) return;
  const before = new Set(asList(live.metadata.finalizers));
  const added = asList(metadata.finalizers).filter((item) => !before.has(item));
  if (added.length === 0) return;
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
  throw invalid(def.group, def.kind, live.metadata.name, [
    fieldError.forbidden('metadata.finalizers', why),
  ]);
}
