/**
 * {@link KubeClient} over HTTP: paths, verbs and content types of the Kubernetes API.
 *
 * An object that cannot be read is left out of lists and watches and logged with its field: one
 * malformed object must never stop the watch of all others.
 */
import type { Clock } from '#core/clock.ts';
import { LineSplitter } from '#core/lines.ts';
import type { Logger } from '#core/log.ts';
import { MANAGER } from '#core/names.ts';
import { below, type Random } from '#core/random.ts';
import { nameOf, readEvent, readLines, readList, readObject } from './answers.ts';
import type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  KubeClient,
  ListPage,
  Resource,
  Selection,
  WatchEvent,
} from './client.ts';
import { HttpTransport, type TransportOptions } from './http-transport.ts';
import { FieldError } from './parse.ts';
import { pathOf, queryOf } from './paths.ts';
import { statusOf } from './status.ts';
import type { KubeObject } from './types.ts';

/** One watch event may not be larger than this (etcd holds objects of at most 1.5 MiB). */
export const WATCH_LINE_BYTES_MAX = 8 * 1024 * 1024;
/**
 * An applied object that holds a version must be of it where there is one, and is made where there is none. No object
 * has this version: etcd counts from it before anything is written.
 */
const VERSION_OF_NOTHING = '1';
/** Items asked for at once by {@link HttpKubeClient.list}. */
export const LIST_PAGE_ITEMS = 500;
/** A watch on which nothing came for this long is taken for half-open. */
export const WATCH_IDLE_MS = 27_000;
/**
 * How long the server is asked to keep a watch open: this, and up to {@link WATCH_SECONDS_SPREAD} more.
 * Short, because its end is the one sign of life that a quiet server gives within 30 s on every path: bookmarks come
 * once a minute, a proxy answers TCP probes in the server's place, and HTTP/1.1 has no ping. The server sends a
 * bookmark 2 s before the end, so the next watch goes on from a fresh version over the same connection.
 */
const WATCH_SECONDS = 16;
const WATCH_SECONDS_SPREAD = 8;

export interface HttpKubeClientOptions extends TransportOptions {
  readonly random: Random;
  readonly log: Logger;
  readonly clock: Clock;
  readonly watchIdleMs?: number | undefined;
}

/** A Kubernetes client for one API server. */
export class HttpKubeClient implements KubeClient {
  readonly #options: HttpKubeClientOptions;
  readonly #transport: HttpTransport;

  constructor(options: HttpKubeClientOptions) {
    this.#options = options;
    this.#transport = new HttpTransport(options);
  }

  async get<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    namespace?: string,
    { signal }: CallOptions = {},
  ): Promise<T | undefined> {
    try {
      const path = pathOf(resource, namespace, name);
      const answer = await this.#transport.json({ method: 'GET', path, signal });
      return readObject(resource, { name, namespace }, answer);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection = {},
  ): Promise<readonly T[]> {
    const items: T[] = [];
    let continueToken: string | undefined;
    do {
      const page: ListPage<T> = await this.listPage(resource, selection, {
        limit: LIST_PAGE_ITEMS,
        ...(continueToken === undefined ? {} : { continueToken }),
      });
      items.push(...page.items);
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
    return items;
  }

  async listPage<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
    page: { readonly limit: number; readonly continueToken?: string },
    signal?: AbortSignal,
  ): Promise<ListPage<T>> {
    const limit = page.limit === 0 ? undefined : page.limit;
    const query = queryOf(selection, { limit, continue: page.continueToken });
    const path = `${pathOf(resource, selection.namespace)}?${query}`;
    const { items, resourceVersion, continueToken } = readList(
      path,
      await this.#transport.json({ method: 'GET', path, signal }),
    );
    return {
      items: items.flatMap((item) => this.#read(resource, item) ?? []),
      resourceVersion,
      ...(continueToken ? { continueToken } : {}),
    };
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const query = queryOf(selection, {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion,
      // Spread, so that the watches of a fleet do not all end at once.
      timeoutSeconds: WATCH_SECONDS + below(this.#options.random, WATCH_SECONDS_SPREAD),
    });
    const path = `${pathOf(resource, selection.namespace)}?${query}`;
    const lines = new LineSplitter(WATCH_LINE_BYTES_MAX);
    const idleMs = this.#options.watchIdleMs ?? WATCH_IDLE_MS;
    for await (const chunk of this.#transport.stream({ method: 'GET', path, signal }, idleMs)) {
      for (const line of readLines(lines, chunk)) {
        const event = this.#event(resource, line);
        if (event !== undefined) yield event;
      }
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    return readObject(
      resource,
      object.metadata,
      await this.#transport.json({
        method: 'POST',
        path: `${pathOf(resource, object.metadata.namespace)}?fieldManager=${MANAGER}`,
        contentType: 'application/json',
        body: object,
      }),
    );
  }

  apply<T extends KubeObject>(
    resource: Resource<T>,
    object: KubeObject,
    options: ApplyOptions = {},
  ): Promise<T> {
    if (!options.ifAbsent) return this.#apply(resource, object, '', options);
    const metadata = { ...object.metadata, resourceVersion: VERSION_OF_NOTHING };
    return this.#apply(resource, { ...object, metadata }, '', options);
  }

  applyStatus<T extends KubeObject>(
    resource: Resource<T>,
    object: KubeObject,
    options: CallOptions = {},
  ): Promise<T> {
    return this.#apply(resource, object, '/status', options);
  }

  async replace<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    const { namespace, name } = object.metadata;
    return readObject(
      resource,
      object.metadata,
      await this.#transport.json({
        method: 'PUT',
        path: `${pathOf(resource, namespace, name)}?fieldManager=${MANAGER}`,
        contentType: 'application/json',
        body: object,
      }),
    );
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    namespace?: string,
    options: DeleteOptions = {},
  ): Promise<boolean> {
    const { gracePeriodSeconds, signal, ...preconditions } = options;
    try {
      await this.#transport.json({
        method: 'DELETE',
        path: pathOf(resource, namespace, name),
        signal,
        contentType: 'application/json',
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: 'Background',
          ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
          ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
        },
      });
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw error;
    }
  }

  async post(path: string, body: unknown): Promise<unknown> {
    return await this.#transport.json({
      method: 'POST',
      path,
      contentType: 'application/json',
      body,
    });
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #apply<T extends KubeObject>(
    resource: Resource<T>,
    object: KubeObject,
    subresource: string,
    { signal }: CallOptions,
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    const path = `${pathOf(resource, namespace, name)}${subresource}`;
    return readObject(
      resource,
      object.metadata,
      await this.#transport.json({
        method: 'PATCH',
        path: `${path}?fieldManager=${MANAGER}&force=true`,
        // YAML by name; every JSON document is one.
        contentType: 'application/apply-patch+yaml',
        body: object,
        signal,
      }),
    );
  }

  #event<T extends KubeObject>(resource: Resource<T>, line: string): WatchEvent<T> | undefined {
    const event = readEvent(line);
    if (event === undefined || event.type === 'BOOKMARK') return event;
    const object = this.#read(resource, event.object);
    return object === undefined ? undefined : { type: event.type, object };
  }

  #read<T extends KubeObject>(resource: Resource<T>, value: unknown): T | undefined {
    try {
      return resource.parse(value);
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      this.#options.log.warn('an object cannot be read and is left out', {
        kind: resource.kind,
        object: nameOf(value),
        field: error.path,
        problem: error.problem,
      });
      return undefined;
    }
  }
}
