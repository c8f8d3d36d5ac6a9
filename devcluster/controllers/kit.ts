/**
 * What controllers share: typed access to the objects, events, ownership.
 */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { ApiContext } from '../api/context.ts';
import { type DeleteOptions, deleteObject } from '../api/deletion.ts';
import type { WritePart } from '../api/object-parts.ts';
import { groupVersion, type ResourceDef } from '../kinds/resources.ts';
import type { Store } from '../storage/store.ts';
import {
  asObjects,
  controllerOf,
  type JsonObject,
  type KubeObject,
  namespaceOf,
} from '../values/json.ts';
import { ApiError } from '../values/status.ts';
import { EventRecorder } from './events.ts';
import { WorkQueue } from './queue.ts';

/** Something that runs until it is closed. */
export interface Running {
  close(): void;
}

/** See the file header. One per controller; `manager` is what owns its fields. */
export class Kit {
  readonly context: ApiContext;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
  readonly manager: string;
  readonly events: EventRecorder;

  constructor(context: ApiContext, random: Random, manager: string) {
    this.context = context;
    this.store = context.store;
    this.clock = context.clock;
    this.log = context.log;
    this.random = random;
    this.manager = manager;
    this.events = new EventRecorder(context, random, manager);
  }

  queue(name: string, reconcile: (key: string) => void): WorkQueue {
    const { clock, random, log } = this;
    return new WorkQueue({ name, clock, random, log, reconcile });
  }

  /** The resource that keeps its objects under `storage`. */
  def(storage: string): ResourceDef {
    const def = this.context.registry.findStorage(storage);
    if (!def) throw new ApiError(404, 'NotFound', `no resource ${storage}`);
    return def;
  }

  create(storage: string, namespace: string, body: JsonObject): KubeObject {
    const { objects } = this.context;
    return objects.create(this.def(storage), namespace, body, { manager: this.manager });
  }

  /** Writes what `change` makes of the live object; `undefined` when it is gone. */
  modify(
    storage: string,
    object: KubeObject,
    change: (live: KubeObject) => JsonObject,
    part: WritePart = '',
  ): KubeObject | undefined {
    const def = this.def(storage);
    const namespace = namespaceOf(object);
    const live = this.store.get(storage, namespace, object.metadata.name);
    if (live?.metadata.uid !== object.metadata.uid) return undefined;
    const options = { manager: this.manager, part };
    return this.context.objects.modify(def, namespace, object.metadata.name, change, options);
  }

  setStatus(storage: string, object: KubeObject, status: JsonObject): KubeObject | undefined {
    return this.modify(storage, object, (live) => ({ ...live, status }), 'status');
  }

  /** Deletes `object`, if it is still there. */
  delete(storage: string, object: KubeObject, options: DeleteOptions = {}): void {
    const { objects } = this.context;
    const namespace = namespaceOf(object);
    const { name, uid } = object.metadata;
    if (this.store.get(storage, namespace, name)?.metadata.uid !== uid) return;
    deleteObject(objects, this.clock, this.def(storage), namespace, name, options);
  }

  /** Objects in `object`'s namespace that it controls. */
  controlled(storage: string, object: KubeObject): KubeObject[] {
    return this.store
      .list(storage, namespaceOf(object))
      .filter((item) => controllerOf(item)?.uid === object.metadata.uid);
  }

  /** An ownerReference that makes `owner` the controller. */
  ownerReference(storage: string, owner: KubeObject): JsonObject {
    const def = this.def(storage);
    return {
      apiVersion: groupVersion(def),
      kind: def.kind,
      name: owner.metadata.name,
      uid: owner.metadata.uid,
      controller: true,
      blockOwnerDeletion: true,
    };
  }
}

/** Whether the pod's Ready condition holds. */
export function isReady(pod: KubeObject): boolean {
  const conditions = asObjects((pod.status as JsonObject | undefined)?.conditions);
  return conditions.some((item) => item.type === 'Ready' && item.status === 'True');
}
