/** A KubeClient over maps: create, get, apply, replace, delete, list, watch and scripted posts. */
import { IsthmusError } from '#core/errors.ts';
import {
  type KubeClient,
  type ListPage,
  type Resource,
  type Selection,
  StatusError,
  type WatchEvent,
} from '#kube/client.ts';
import type { KubeObject } from '#kube/types.ts';

interface Change {
  readonly plural: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

/** Fails as `kube/client.ts` promises; versions only grow. Selectors: namespace, and one field. */
export class MemoryClient implements KubeClient {
  readonly posts: { path: string; body: unknown }[] = [];
  onPost: (path: string, body: unknown) => unknown = () => ({});
  readonly #objects = new Map<string, KubeObject>();
  readonly #watchers = new Set<() => void>();
  /** A resourceVersion is a position in here. */
  readonly #history: Change[] = [];

  async get<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string) {
    const found = this.#objects.get(keyOf(resource, name, namespace));
    return found && resource.parse(structuredClone(found));
  }

  async list<T extends KubeObject>(resource: Resource<T>, selection: Selection = {}) {
    return [...this.#objects]
      .filter(
        ([key, object]) => key.startsWith(`${resource.plural}/`) && selected(object, selection),
      )
      .map(([, object]) => resource.parse(structuredClone(object)));
  }

  async listPage<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
  ): Promise<ListPage<T>> {
    const resourceVersion = String(this.#history.length);
    return { items: await this.list(resource, selection), resourceVersion };
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>> {
    const wake: { now: () => void } = { now: () => undefined };
    const waken = () => wake.now();
    this.#watchers.add(waken);
    signal.addEventListener('abort', waken);
    for (let next = Number(resourceVersion); !signal.aborted; ) {
      const event = this.#history[next];
      if (!event) {
        await new Promise<void>((resolve) => {
          wake.now = resolve;
        });
        continue;
      }
      next += 1;
      if (event.plural !== resource.plural || !selected(event.object, selection)) continue;
      yield { type: event.type, object: resource.parse(structuredClone(event.object)) };
    }
    this.#watchers.delete(waken);
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    const key = keyOf(resource, object.metadata.name, object.metadata.namespace);
    if (this.#objects.has(key)) throw conflict(`${key} already exists`);
    return this.#store(
      resource,
      key,
      { ...object, metadata: { uid: `uid-${key}`, ...object.metadata } },
      'ADDED',
    );
  }

  async apply<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    const key = keyOf(resource, object.metadata.name, object.metadata.namespace);
    const known = this.#objects.get(key);
    const merged = {
      ...known,
      ...object,
      metadata: { uid: `uid-${key}`, ...known?.metadata, ...object.metadata },
    };
    return this.#store(resource, key, merged, known ? 'MODIFIED' : 'ADDED');
  }

  applyStatus<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    return this.apply(resource, object);
  }

  async replace<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    const key = keyOf(resource, object.metadata.name, object.metadata.namespace);
    const known = this.#objects.get(key);
    const wanted = object.metadata.resourceVersion;
    if (!known || (wanted && wanted !== known.metadata.resourceVersion)) {
      throw conflict(`${key} was changed`);
    }
    return this.#store(resource, key, object, 'MODIFIED');
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    namespace?: string,
    preconditions: { readonly uid?: string } = {},
  ): Promise<boolean> {
    const key = keyOf(resource, name, namespace);
    const known = this.#objects.get(key);
    if (!known) return false;
    if (preconditions.uid && preconditions.uid !== known.metadata.uid) throw conflict(`${key} uid`);
    this.#objects.delete(key);
    this.#announce({ plural: resource.plural, type: 'DELETED', object: known });
    return true;
  }

  async post(path: string, body: unknown): Promise<unknown> {
    this.posts.push({ path, body });
    return this.onPost(path, body);
  }

  async close(): Promise<void> {
    this.#watchers.clear();
  }

  #store<T extends KubeObject>(
    resource: Resource<T>,
    key: string,
    object: KubeObject,
    type: 'ADDED' | 'MODIFIED',
  ): T {
    const resourceVersion = String(this.#history.length + 1);
    const stored = structuredClone({
      ...object,
      metadata: { ...object.metadata, resourceVersion },
    });
    this.#objects.set(key, stored);
    this.#announce({ plural: resource.plural, type, object: stored });
    return resource.parse(structuredClone(stored));
  }

  #announce(change: Change): void {
    this.#history.push(change);
    for (const waken of this.#watchers) waken();
  }
}

function keyOf(resource: { readonly plural: string }, name: string, namespace = ''): string {
  return `${resource.plural}/${namespace}/${name}`;
}

function selected(object: KubeObject, selection: Selection): boolean {
  if (selection.namespace && object.metadata.namespace !== selection.namespace) return false;
  const [path, value] = selection.fieldSelector?.split('=') ?? [];
  if (path === undefined) return true;
  let field: unknown = object;
  for (const part of path.split('.'))
    field = (field as Record<string, unknown> | undefined)?.[part];
  return field === value;
}

function conflict(message: string): IsthmusError {
  const cause = new StatusError(409, 'AlreadyExists', message);
  return new IsthmusError('API_CONFLICT', message, { cause });
}
