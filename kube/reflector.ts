/**
 * A local copy of one collection of the API server that survives whatever happens to the connection.
 *
 * Promises: after the first list, `cache` is always one consistent past state of the server; nothing
 * happens after the signal aborts; a listener that throws disturbs nobody. What was known stays readable
 * while the server is away. Every failure is followed by a jittered pause, for ever.
 *
 * A lost connection (reset, silence, refusal, 429, 503) is resumed from the last version, so that a server that
 * comes back is asked for what changed, not for everything. Only a server that says the version is too
 * old (410), or says something that cannot be trusted, is listed afresh, and then not by all at once.
 */
import { type BackoffLimits, backoffMs } from '#core/backoff.ts';
import { type Clock, pause } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { KubeClient, ListPage, Resource, Selection, WatchEvent } from './client.ts';
import { objectKey } from './parse.ts';
import { retryAfterMsOf, statusOf } from './status.ts';
import type { KubeObject } from './types.ts';
import { type ChangeListener, type ObjectCache, WatchedCache } from './watched-cache.ts';

const PAGE_ITEMS = 250;
/** A list, all its pages together, may take this long. */
export const LIST_DEADLINE_MS = 60_000;
/** After a 410 the watchers of a fleet list again spread over this long. */
export const RELIST_SPREAD_MS = 2_000;
const BACKOFF: BackoffLimits = { firstMs: 100, maxMs: 10_000 };
/** A watch that lived this long was sound: the next one need not wait. */
const SOUND_WATCH_MS = 5_000;
/** A server that asks for a longer pause than this is not obeyed. */
const RETRY_AFTER_MS_MAX = 60_000;
/** Lists in a row that may be refused for being older than what was seen; then the server was restored. */
const STALE_LISTS_MAX = 5;

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  readonly selection?: Selection;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly backoff?: BackoffLimits;
  /** Objects asked for at once. */
  readonly pageItems?: number;
  /** See {@link RELIST_SPREAD_MS}. */
  readonly relistSpreadMs?: number;
  /** Lists afresh about this often, against a server that lost events. Absent: never. */
  readonly relistMs?: number;
}

export class Reflector<T extends KubeObject> implements ObjectCache<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #log: Logger;
  readonly #copy: WatchedCache<T>;
  readonly #synced = Promise.withResolvers<void>();
  /** Where the next watch begins; absent: a list comes first. */
  #version: string | undefined;
  /** The last list's pages grew too old between them: the next one is asked for in one piece. */
  #unpaged = false;
  /** The newest version the server ever named. */
  #seen = '';
  #staleLists = 0;
  #lastEventAtMs = 0;
  #relistAtMs = Number.POSITIVE_INFINITY;
  #lists = 0;
  #started = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#log = options.log.with({ kind: options.resource.kind });
    this.#copy = new WatchedCache(options.clock, this.#log);
  }

  get cache(): ReadonlyMap<string, T> {
    return this.#copy.objects;
  }

  /** Whether one list has been read to its end. Stays true. */
  get hasSynced(): boolean {
    return this.#copy.isComplete;
  }

  /** When the server last said anything, bookmarks included (monotonic milliseconds; 0: never). */
  get lastEventAtMs(): number {
    return this.#lastEventAtMs;
  }

  /** Lists read to their end. */
  get lists(): number {
    return this.#lists;
  }

  /** Called on every change, the objects of the first list included. */
  onChange(listener: ChangeListener<T>): void {
    this.#copy.onChange(listener);
  }

  /** Called once for all keys that changed within `coalesceMs` of the first; never before the first list ended. */
  onBatch(listener: (keys: ReadonlySet<string>) => void, coalesceMs = 10): void {
    this.#copy.onBatch(listener, coalesceMs);
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
    while (!signal.aborted) {
      const beganMs = this.#options.clock.monotonicMs();
      let lost: unknown;
      try {
        this.#version ??= await this.#list(signal);
        signal.throwIfAborted();
        await this.#watch(this.#version, signal);
        failures = this.#wasSound(beganMs) ? 0 : failures + 1;
        if (this.#relistDue()) this.#version = undefined;
      } catch (error) {
        if (signal.aborted) return;
        lost = error;
        failures = this.#wasSound(beganMs) ? 1 : failures + 1;
        if (!isResumable(error)) this.#version = undefined;
        this.#report(error, failures);
      }
      if (failures > 0) await pause(this.#options.clock, this.#pauseMs(lost, failures), signal);
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { clock } = this.#options;
    const deadline = new AbortController();
    const abort = () => deadline.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const late = () =>
      deadline.abort(
        new IsthmusError('CLUSTER_UNREACHABLE', `the list took longer than ${LIST_DEADLINE_MS} ms`),
      );
    const timer = clock.after(LIST_DEADLINE_MS, late);
    try {
      return await this.#pages(deadline.signal);
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', abort);
    }
  }

  async #pages(signal: AbortSignal): Promise<string> {
    const listed = new Map<string, T>();
    let continueToken: string | undefined;
    let version = '';
    do {
      const page = await this.#page(continueToken, signal);
      signal.throwIfAborted();
      this.#heard();
      for (const item of page.items) listed.set(objectKey(item), item);
      // The first page's version is what the whole list is of.
      version ||= page.resourceVersion;
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
    this.#refuseStale(version);
    this.#unpaged = false;
    this.#lists += 1;
    this.#copy.replace(listed);
    this.#synced.resolve();
    const { relistMs, clock, random } = this.#options;
    if (relistMs !== undefined) {
      this.#relistAtMs = clock.monotonicMs() + relistMs * (0.8 + 0.4 * random.next());
    }
    return version;
  }

  async #page(continueToken: string | undefined, signal: AbortSignal): Promise<ListPage<T>> {
    const { client, resource, selection = {}, pageItems = PAGE_ITEMS } = this.#options;
    const limit = this.#unpaged ? 0 : pageItems;
    const page = { limit, ...(continueToken === undefined ? {} : { continueToken }) };
    try {
      return await client.listPage(resource, selection, page, signal);
    } catch (error) {
      if (continueToken !== undefined && statusOf(error) === 410) this.#unpaged = true;
      throw error;
    }
  }

  /** Follows from `version` until the server closes, and keeps {@link #version} at what was taken in. */
  async #watch(version: string, signal: AbortSignal): Promise<void> {
    const { client, resource, selection = {} } = this.#options;
    for await (const event of client.watch(resource, selection, version, signal)) {
      if (signal.aborted) return;
      this.#heard();
      this.#version = this.#apply(event) ?? this.#version;
      this.#seen = this.#version ?? this.#seen;
      if (this.#relistDue()) return;
    }
  }

  /** A replica that lags must not take the copy back in time. */
  #refuseStale(version: string): void {
    if (isOlder(version, this.#seen) && this.#staleLists < STALE_LISTS_MAX) {
      this.#staleLists += 1;
      const message = `the list is of version ${version}, older than ${this.#seen} seen before`;
      throw new IsthmusError('CLUSTER_UNREACHABLE', message);
    }
    this.#staleLists = 0;
    this.#seen = version;
  }

  #apply(event: WatchEvent<T>): string | undefined {
    if (event.type === 'BOOKMARK') return event.resourceVersion;
    if (event.type === 'DELETED') this.#copy.delete(event.object);
    else this.#copy.set(event.object);
    return event.object.metadata.resourceVersion;
  }

  #heard(): void {
    this.#lastEventAtMs = this.#options.clock.monotonicMs();
  }

  #wasSound(beganMs: number): boolean {
    return this.#options.clock.monotonicMs() - beganMs >= SOUND_WATCH_MS;
  }

  #relistDue(): boolean {
    return this.#options.clock.monotonicMs() >= this.#relistAtMs;
  }

  #report(error: unknown, failures: number): void {
    const fields = { error: describeError(error), failures };
    // An expired version is how the API says "list again": no reason to worry anyone.
    if (statusOf(error) === 410) this.#log.debug('the version expired, listing again', fields);
    else this.#log.warn('the watch was lost', fields);
  }

  #pauseMs(error: unknown, failures: number): number {
    const { random, backoff = BACKOFF, relistSpreadMs = RELIST_SPREAD_MS } = this.#options;
    const ownMs = backoffMs(backoff, failures, random);
    if (this.hasSynced && statusOf(error) === 410) return ownMs + relistSpreadMs * random.next();
    const askedMs = Math.min(retryAfterMsOf(error) ?? 0, RETRY_AFTER_MS_MAX);
    return Math.max(ownMs, askedMs * (1 + 0.5 * random.next()));
  }
}

/** Versions of one server are numbers that grow (KEP-5504); anything else is not compared. */
function isOlder(version: string, seen: string): boolean {
  return /^\d+$/.test(version) && /^\d+$/.test(seen) && Number(version) < Number(seen);
}

/** Whether `error` says nothing about the version, only about the way there. */
function isResumable(error: unknown): boolean {
  if (!(error instanceof IsthmusError) || error.code !== 'CLUSTER_UNREACHABLE') return false;
  const status = statusOf(error);
  return status === undefined || status === 429 || status === 503;
}
