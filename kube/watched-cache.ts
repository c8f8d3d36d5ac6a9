/**
 * The copy a reflector keeps, and those who hear when it changes.
 *
 * Promises: listeners hear every change once, in order; one that throws disturbs nobody; batches come
 * only after the first list has been read to its end. Apart from the reflector, which is about the
 * connection and knows nothing of listeners.
 */
import type { Clock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import { objectKey } from './parse.ts';
import type { KubeObject } from './types.ts';

/** `before` is absent for a new object, `after` for one that is gone. */
export type ChangeListener<T> = (key: string, before: T | undefined, after: T | undefined) => void;

/** The least a consumer needs: a copy that can be read and followed. */
export interface ObjectCache<T extends KubeObject> {
  /** By `namespace/name`, or `name` for kinds without namespace. */
  readonly cache: ReadonlyMap<string, T>;
  readonly hasSynced: boolean;
  onChange(listener: ChangeListener<T>): void;
  onBatch(listener: (keys: ReadonlySet<string>) => void, coalesceMs?: number): void;
}

interface Batch {
  readonly listener: (keys: ReadonlySet<string>) => void;
  readonly coalesceMs: number;
  keys: Set<string>;
  pending: boolean;
}

/** See the file header. */
export class WatchedCache<T extends KubeObject> {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #objects = new Map<string, T>();
  readonly #changeListeners: ChangeListener<T>[] = [];
  readonly #batches: Batch[] = [];
  #complete = false;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  get objects(): ReadonlyMap<string, T> {
    return this.#objects;
  }

  /** Whether a whole list has been taken in. Stays true. */
  get isComplete(): boolean {
    return this.#complete;
  }

  /** Called on every change, the objects of the first list included. */
  onChange(listener: ChangeListener<T>): void {
    this.#changeListeners.push(listener);
  }

  /** Called once for all keys that changed within `coalesceMs` of the first. */
  onBatch(listener: (keys: ReadonlySet<string>) => void, coalesceMs: number): void {
    this.#batches.push({ listener, coalesceMs, keys: new Set(), pending: false });
  }

  /** `object` is new or has changed. */
  set(object: T): void {
    const key = objectKey(object);
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    this.#changed(key, before, object);
  }

  /** `object` is gone. */
  delete(object: T): void {
    const key = objectKey(object);
    const before = this.#objects.get(key);
    this.#objects.delete(key);
    if (before !== undefined) this.#changed(key, before, undefined);
  }

  /** `listed` is all there is; objects of the same revision do not count as changed. */
  replace(listed: ReadonlyMap<string, T>): void {
    for (const [key, before] of [...this.#objects]) {
      if (listed.has(key)) continue;
      this.#objects.delete(key);
      this.#changed(key, before, undefined);
    }
    for (const [key, after] of listed) {
      const before = this.#objects.get(key);
      if (before !== undefined && sameRevision(before, after)) continue;
      this.#objects.set(key, after);
      this.#changed(key, before, after);
    }
    if (this.#complete) return;
    this.#complete = true;
    for (const batch of this.#batches) this.#schedule(batch);
  }

  #changed(key: string, before: T | undefined, after: T | undefined): void {
    for (const listener of this.#changeListeners) {
      this.#isolated(() => listener(key, before, after));
    }
    for (const batch of this.#batches) {
      batch.keys.add(key);
      this.#schedule(batch);
    }
  }

  #schedule(batch: Batch): void {
    if (batch.pending || !this.#complete) return;
    batch.pending = true;
    this.#clock.after(batch.coalesceMs, () => {
      const keys = batch.keys;
      batch.keys = new Set();
      batch.pending = false;
      this.#isolated(() => batch.listener(keys));
    });
  }

  #isolated(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.error('a listener failed', { error: describeError(error) });
    }
  }
}

function sameRevision(before: KubeObject, after: KubeObject): boolean {
  const [a, b] = [before.metadata, after.metadata];
  return (
    a.resourceVersion !== undefined && a.resourceVersion === b.resourceVersion && a.uid === b.uid
  );
}
