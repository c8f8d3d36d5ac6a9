/**
 * A local copy of one collection of the API server that survives whatever happens to the connection.
 *
 * Promises: after the first list, `cache` is always one consistent past state of the server; every loss
 * (410, reset, silence, 5xx, refused) ends in a fresh list after a jittered pause, for ever; nothing
 * happens after the signal aborts; a listener that throws disturbs nobody. What was known stays readable
 * while the server is away.
 */
import { type BackoffLimits, backoffMs } from '#core/backoff.ts';
import { type Clock, sleep } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient, Resource, Selection, WatchEvent } from './client.ts';
import { statusOf } from './http-transport.ts';
import { objectKey } from './parse.ts';
import type { KubeObject } from './types.ts';

const PAGE_ITEMS = 500;
const BACKOFF: BackoffLimits = { firstMs: 100, maxMs: 10_000 };
/** A watch that lived this long was sound: the next one need not wait. */
const SOUND_WATCH_MS = 5_000;

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  readonly selection?: Selection;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly backoff?: BackoffLimits;
  /** Lists afresh at least this often, against a server that lost events. Absent: never. */
  readonly relistMs?: number;
}

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

export class Reflector<T extends KubeObject> implements ObjectCache<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #log: Logger;
  readonly #cache = new Map<string, T>();
  readonly #changeListeners: ChangeListener<T>[] = [];
  readonly #batches: Batch[] = [];
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  #lastEventAtMs = 0;
  #listedAtMs = 0;
  #started = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#log = options.log.with({ kind: options.resource.kind });
  }

  get cache(): ReadonlyMap<string, T> {
    return this.#cache;
  }

  /** Whether one list has been read to its end. Stays true. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** When the server last said anything, bookmarks included (monotonic milliseconds; 0: never). */
  get lastEventAtMs(): number {
    return this.#lastEventAtMs;
  }

  /** Called on every change, the objects of the first list included. */
  onChange(listener: ChangeListener<T>): void {
    this.#changeListeners.push(listener);
  }

  /** Called once for all keys that changed within `coalesceMs` of the first; never before the first list ended. */
  onBatch(listener: (keys: ReadonlySet<string>) => void, coalesceMs = 10): void {
    this.#batches.push({ listener, coalesceMs, keys: new Set(), pending: false });
  }

  /** Resolves once {@link hasSynced}; rejects with the signal's reason when that comes first. */
  async synced(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.#synced.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Begins; until `signal` aborts. */
  start(signal: AbortSignal): void {
    if (this.#started) throw new Error('a reflector starts once');
    this.#started = true;
    void this.#run(signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let version: string | undefined;
    while (!signal.aborted) {
      const beganMs = this.#options.clock.monotonicMs();
      try {
        version ??= await this.#list(signal);
        signal.throwIfAborted();
        version = await this.#watch(version, signal);
        failures = this.#wasSound(beganMs) ? 0 : failures + 1;
        if (this.#relistDue()) version = undefined;
      } catch (error) {
        if (signal.aborted) return;
        failures = this.#wasSound(beganMs) ? 1 : failures + 1;
        version = undefined;
        this.#report(error, failures);
      }
      if (failures > 0) await this.#pause(failures, signal);
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { client, resource, selection = {} } = this.#options;
    const listed = new Map<string, T>();
    let continueToken: string | undefined;
    let version = '';
    do {
      const page = await client.listPage(
        resource,
        selection,
        { limit: PAGE_ITEMS, ...(continueToken === undefined ? {} : { continueToken }) },
        signal,
      );
      signal.throwIfAborted();
      this.#heard();
      for (const item of page.items) listed.set(objectKey(item), item);
      // The first page's version is what the whole list is of.
      version ||= page.resourceVersion;
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
    this.#replace(listed);
    this.#listedAtMs = this.#options.clock.monotonicMs();
    if (!this.#hasSynced) {
      this.#hasSynced = true;
      this.#synced.resolve();
      for (const batch of this.#batches) this.#schedule(batch);
    }
    return version;
  }

  /** Follows until the server closes; the version to go on from. */
  async #watch(from: string, signal: AbortSignal): Promise<string> {
    const { client, resource, selection = {} } = this.#options;
    let version = from;
    for await (const event of client.watch(resource, selection, version, signal)) {
      if (signal.aborted) break;
      this.#heard();
      version = this.#apply(event) ?? version;
      if (this.#relistDue()) break;
    }
    return version;
  }

  #apply(event: WatchEvent<T>): string | undefined {
    if (event.type === 'BOOKMARK') return event.resourceVersion;
    const key = objectKey(event.object);
    const before = this.#cache.get(key);
    if (event.type === 'DELETED') {
      this.#cache.delete(key);
      if (before !== undefined) this.#changed(key, before, undefined);
    } else {
      this.#cache.set(key, event.object);
      this.#changed(key, before, event.object);
    }
    return event.object.metadata.resourceVersion;
  }

  #replace(listed: ReadonlyMap<string, T>): void {
    for (const [key, before] of [...this.#cache]) {
      if (listed.has(key)) continue;
      this.#cache.delete(key);
      this.#changed(key, before, undefined);
    }
    for (const [key, after] of listed) {
      const before = this.#cache.get(key);
      if (before !== undefined && sameRevision(before, after)) continue;
      this.#cache.set(key, after);
      this.#changed(key, before, after);
    }
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
    if (batch.pending || !this.#hasSynced) return;
    batch.pending = true;
    this.#options.clock.after(batch.coalesceMs, () => {
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

  #heard(): void {
    this.#lastEventAtMs = this.#options.clock.monotonicMs();
  }

  #wasSound(beganMs: number): boolean {
    return this.#options.clock.monotonicMs() - beganMs >= SOUND_WATCH_MS;
  }

  #relistDue(): boolean {
    const { relistMs, clock } = this.#options;
    return relistMs !== undefined && clock.monotonicMs() - this.#listedAtMs >= relistMs;
  }

  #report(error: unknown, failures: number): void {
    const fields = { error: describeError(error), failures };
    // An expired version is how the API says "list again": no reason to worry anyone.
    if (statusOf(error) === 410) this.#log.debug('the version expired, listing again', fields);
    else this.#log.warn('the watch was lost', fields);
  }

  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    const { clock, random, backoff = BACKOFF } = this.#options;
    try {
      await sleep(clock, backoffMs(backoff, failures, random), signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

interface Batch {
  readonly listener: (keys: ReadonlySet<string>) => void;
  readonly coalesceMs: number;
  keys: Set<string>;
  pending: boolean;
}

function sameRevision(before: KubeObject, after: KubeObject): boolean {
  const [a, b] = [before.metadata, after.metadata];
  return (
    a.resourceVersion !== undefined && a.resourceVersion === b.resourceVersion && a.uid === b.uid
  );
}
