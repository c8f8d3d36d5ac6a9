/**
 * {@link KubeClient} over HTTP: paths, verbs and content types of the Kubernetes API.
 *
 * An object that cannot be read is left out of lists and watches and logged with its field: one
 * malformed object must never stop the watch of all others.
 */
import type { Clock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { LineSplitter } from '#core/lines.ts';
import type { Logger } from '#core/log.ts';
import { MANAGER } from '#core/names.ts';
import { below, type Random } from '#core/random.ts';
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

import { FieldError, optionalString, type Raw, raw, required, string } from './parse.ts';
import { refused, statusErrorOf, statusOf } from './status.ts';
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
      return resource.parse(await this.#transport.json({ method: 'GET', path, signal }));
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
    const { items, resourceVersion, continueToken } = listOf(
      path,
      raw(await this.#transport.json({ method: 'GET', path, signal })),
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
      for (const line of lines.push(chunk)) {
        const event = this.#event(resource, line);
        if (event !== undefined) yield event;
      }
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    return resource.parse(
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
    return resource.parse(
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
    return resource.parse(
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
    const event = raw(JSON.parse(line));
    const type = string(event, 'type');
    if (type === 'ERROR') throw watchError(event.object);
    if (type === 'BOOKMARK') {
      const meta = raw(raw(event.object).metadata);
      const resourceVersion = required(optionalString(meta, 'resourceVersion'), 'resourceVersion');
      return { type, resourceVersion };
    }
    // An event type of a later release says nothing to us.
    if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') return undefined;
    const object = this.#read(resource, event.object);
    return object === undefined ? undefined : { type, object };
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

function watchError(status: unknown): IsthmusError {
  return refused('the watch ended', statusErrorOf(status, 500));
}

/** What a list holds. Throws where `body` is none: taken for an empty one it would have everything forgotten. */
function listOf(path: string, body: Readonly<Record<string, unknown>>) {
  const { kind, items } = body;
  const meta = raw(body.metadata ?? {});
  const resourceVersion = optionalString(meta, 'resourceVersion') ?? '';
  const isList = kind === undefined || (typeof kind === 'string' && kind.endsWith('List'));
  if (!isList || resourceVersion === '' || !(Array.isArray(items) || items === null)) {
    const wanted = 'a List with items and metadata.resourceVersion';
    throw new IsthmusError(
      'CLUSTER_UNREACHABLE',
      `GET ${path} was answered, but not with ${wanted}`,
      {
        next: 'Something in front of the API server answers in its place: look at the proxies there.',
      },
    );
  }
  const continueToken = optionalString(meta, 'continue');
  return { items: (items ?? []) as readonly unknown[], resourceVersion, continueToken };
}

/** `/api/v1/...` or `/apis/group/version/...`. */
function pathOf<T extends KubeObject>(
  resource: Resource<T>,
  namespace?: string,
  name?: string,
): string {
  const base =
    resource.group === ''
      ? `/api/${resource.version}`
      : `/apis/${resource.group}/${resource.version}`;
  const scope =
    resource.namespaced && namespace !== undefined
      ? `/namespaces/${encodeURIComponent(namespace)}`
      : '';
  const leaf = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${base}${scope}/${resource.plural}${leaf}`;
}

function queryOf(
  selection: Selection,
  more: Readonly<Record<string, string | number | undefined>>,
): string {
  const query = new URLSearchParams();
  if (selection.labelSelector !== undefined) query.set('labelSelector', selection.labelSelector);
  if (selection.fieldSelector !== undefined) query.set('fieldSelector', selection.fieldSelector);
  for (const [name, value] of Object.entries(more)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.toString();
}

function nameOf(value: unknown): string {
  const object: Raw = typeof value === 'object' && value !== null ? (value as Raw) : {};
  const meta = object.metadata;
  const fields: Raw = typeof meta === 'object' && meta !== null ? (meta as Raw) : {};
  return `${String(fields.namespace ?? '')}/${String(fields.name ?? '')}`;
}
