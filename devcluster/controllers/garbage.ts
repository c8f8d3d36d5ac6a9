/**
 * The garbage collector: dependents follow their owners.
 *
 * "Garbage Collection: owners and dependents" of the Kubernetes documentation: background, foreground and orphan.
 */

import { FOREGROUND, ORPHAN } from '../api/deletion.ts';
import { asStrings, isDeleting, type KubeObject, namespaceOf, ownersOf } from '../values/json.ts';
import type { Kit, Running } from './kit.ts';

/** One object by where it is kept. */
interface Place {
  readonly storage: string;
  readonly namespace: string;
  readonly name: string;
}

const AGAIN_MS = 50;

/** Starts the collector. */
export function runGarbageCollector(kit: Kit): Running {
  const collector = new Collector(kit);
  const stop = kit.store.listenAll((storage, { type, object, previous }) => {
    if (storage === 'events') return;
    collector.seen(storage, object, type === 'DELETED', previous);
  });
  return {
    close() {
      stop();
      collector.close();
    },
  };
}

class Collector {
  readonly #kit: Kit;
  /** Owner's uid → its dependents. */
  readonly #dependents = new Map<string, Map<string, Place>>();
  readonly #queue;

  constructor(kit: Kit) {
    this.#kit = kit;
    this.#queue = kit.queue('garbage', (key) => this.#handle(JSON.parse(key) as Place));
  }

  close(): void {
    this.#queue.close();
  }

  seen(storage: string, object: KubeObject, gone: boolean, previous: KubeObject | undefined): void {
    const place = { storage, namespace: namespaceOf(object), name: object.metadata.name };
    const id = JSON.stringify(place);
    for (const owner of previous ? ownersOf(previous) : []) {
      this.#dependents.get(owner.uid)?.delete(id);
    }
    if (!gone) {
      const owners = ownersOf(object);
      for (const owner of owners) {
        const list = this.#dependents.get(owner.uid) ?? new Map<string, Place>();
        this.#dependents.set(owner.uid, list.set(id, place));
      }
      const isNew = owners.length > 0 && (!previous || ownersOf(previous).length !== owners.length);
      if (isNew || isDeleting(object)) this.#queue.add(id);
      return;
    }
    for (const dependent of this.#dependents.get(object.metadata.uid)?.keys() ?? []) {
      this.#queue.add(dependent);
    }
    this.#dependents.delete(object.metadata.uid);
    // An owner that waits for this dependent may go now.
    for (const owner of ownersOf(object)) {
      const key = this.#placeOf(owner.apiVersion, owner.kind, place.namespace, owner.name);
      if (key) this.#queue.add(JSON.stringify(key));
    }
  }

  #placeOf(apiVersion: string, kind: string, namespace: string, name: string): Place | undefined {
    const def = this.#kit.context.registry.findKind(apiVersion, kind);
    if (!def) return undefined;
    return { storage: def.storage, namespace: def.namespaced ? namespace : '', name };
  }

  #handle(place: Place): void {
    const object = this.#kit.store.get(place.storage, place.namespace, place.name);
    if (!object) return;
    if (isDeleting(object)) this.#finalize(place, object);
    else this.#collect(place, object);
  }

  /** Deletes `object` when none of its owners is left; else drops references to those that are gone. */
  #collect(place: Place, object: KubeObject): void {
    const owners = ownersOf(object);
    const left = owners.filter((owner) => {
      const at = this.#placeOf(owner.apiVersion, owner.kind, place.namespace, owner.name);
      if (!at) return this.#isUnknownKind(owner.apiVersion, owner.kind);
      return this.#kit.store.get(at.storage, at.namespace, at.name)?.metadata.uid === owner.uid;
    });
    if (left.length === owners.length) return;
    if (left.length > 0) {
      this.#kit.modify(place.storage, object, (live) => ({
        ...live,
        metadata: { ...live.metadata, ownerReferences: left },
      }));
      return;
    }
    this.#kit.delete(place.storage, object, { propagationPolicy: 'Background' });
  }

  /** A kind nobody serves is not proof that an owner is gone. */
  #isUnknownKind(apiVersion: string, kind: string): boolean {
    return this.#kit.context.registry.findKind(apiVersion, kind) === undefined;
  }

  #finalize(place: Place, object: KubeObject): void {
    const finalizers = asStrings(object.metadata.finalizers);
    const dependents = [...(this.#dependents.get(object.metadata.uid)?.values() ?? [])];
    if (finalizers.includes(ORPHAN)) {
      for (const dependent of dependents) this.#orphan(dependent, object.metadata.uid);
      this.#drop(place, object, ORPHAN);
      return;
    }
    if (!finalizers.includes(FOREGROUND)) return;
    let blocking = 0;
    for (const dependent of dependents) {
      const { storage, namespace, name } = dependent;
      const found = this.#kit.store.get(storage, namespace, name);
      if (!found) continue;
      const reference = ownersOf(found).find((owner) => owner.uid === object.metadata.uid);
      if (reference?.blockOwnerDeletion === true) blocking += 1;
      if (!isDeleting(found)) {
        this.#kit.delete(storage, found, { propagationPolicy: 'Foreground' });
      }
    }
    if (blocking === 0) this.#drop(place, object, FOREGROUND);
    else this.#queue.addAfter(JSON.stringify(place), AGAIN_MS);
  }

  #orphan(place: Place, uid: string): void {
    const found = this.#kit.store.get(place.storage, place.namespace, place.name);
    if (!found) return;
    this.#kit.modify(place.storage, found, (live) => {
      const ownerReferences = ownersOf(live).filter((owner) => owner.uid !== uid);
      return { ...live, metadata: { ...live.metadata, ownerReferences } };
    });
  }

  #drop(place: Place, object: KubeObject, finalizer: string): void {
    const live = this.#kit.store.get(place.storage, place.namespace, place.name) ?? object;
    const finalizers = asStrings(live.metadata.finalizers).filter((item) => item !== finalizer);
    const metadata = { ...live.metadata, finalizers };
    this.#kit.context.objects.commit(this.#kit.def(place.storage), {
      ...live,
      metadata,
    } as KubeObject);
  }
}
