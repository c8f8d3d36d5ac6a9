/**
 * A KubeClient over maps: enough of an API server for the loop of the mirror controller.
 */
import { IsthmusError } from '#core/errors.ts';
import type {
  ApplyOptions,
  KubeClient,
  ListPage,
  Resource,
  Selection,
  WatchEvent,
} from '#kube/client.ts';
import { StatusError } from '#kube/client.ts';
import { objectKey } from '#kube/parse.ts';
import type { KubeObject } from '#kube/types.ts';

type Listener = (event: WatchEvent<KubeObject>) => void;

/** Refuses a write: throws what the client would throw. */
export type Refusal = (verb: string, resource: Resource<KubeObject>, object: string) => void;

export class MemoryClient implements KubeClient {
  readonly #stores = new Map<string, Map<string, KubeObject>>();
  readonly #watchers = new Map<string, Set<Listener>>();
  readonly #log: (readonly [version: number, plural: string, event: WatchEvent<KubeObject>])[] = [];
  readonly #asleep: (() => void)[] = [];
  #version = 0;
  /** Every write, as `verb plural namespace/name`. */
  readonly writes: string[] = [];
  refuse: Refusal = () => undefined;
  /** Objects read one by one. */
  gets = 0;
  /** Called when one was read, before anybody hears of it. */
  afterGet: (resource: Resource<KubeObject>, key: string) => void = () => undefined;
  /** Plurals of which watches tell nothing for now. */
  #lagging: readonly string[] = [];
  running = 0;
  runningMax = 0;

  /** What is stored of `resource`. */
  all<T extends KubeObject>(resource: Resource<T>): ReadonlyMap<string, T> {
    return this.#store(resource) as ReadonlyMap<string, KubeObject> as ReadonlyMap<string, T>;
  }

  /** A write of somebody else. */
  put<T extends KubeObject>(resource: Resource<T>, value: unknown): T {
    const object = value as KubeObject;
    const store = this.#store(resource);
    const key = objectKey(object);
    const known = store.get(key);
    this.#version += 1;
    const metadata = {
      uid: `uid-${this.#version}`,
      creationTimestamp: new Date(1_700_000_000_000 + this.#version * 1_000).toISOString(),
      ...known?.metadata,
      ...object.metadata,
      resourceVersion: String(this.#version),
    };
    const stored = resource.parse({ ...known, ...object, metadata });
    store.set(key, stored);
    this.#emit(resource, { type: known ? 'MODIFIED' : 'ADDED', object: stored });
    return stored;
  }

  /** A deletion by somebody else. */
  drop<T extends KubeObject>(resource: Resource<T>, key: string): boolean {
    const store = this.#store(resource);
    const known = store.get(key);
    if (known === undefined) return false;
    store.delete(key);
    this.#version += 1;
    const metadata = { ...known.metadata, resourceVersion: String(this.#version) };
    this.#emit(resource, { type: 'DELETED', object: { ...known, metadata } });
    return true;
  }

  async get<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string) {
    this.gets += 1;
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    const found = this.#store(resource).get(key) as T | undefined;
    this.afterGet(resource, key);
    return found;
  }

  async list<T extends KubeObject>(resource: Resource<T>, selection: Selection = {}) {
    return (await this.listPage(resource, selection)).items;
  }

  async listPage<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
  ): Promise<ListPage<T>> {
    const items = [...this.#store(resource).values()].filter((each) => matches(each, selection));
    return { items: items as T[], resourceVersion: String(this.#version) };
  }

  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    selection: Selection,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const queue: WatchEvent<T>[] = [];
    let wake: () => void = () => undefined;
    const listener: Listener = (event) => {
      if (event.type !== 'BOOKMARK' && !matches(event.object, selection)) return;
      queue.push(event as WatchEvent<T>);
      wake();
    };
    for (const [version, plural, event] of this.#log) {
      if (version > Number(resourceVersion) && plural === resource.plural) listener(event);
    }
    const watchers = this.#watchers.get(resource.plural) ?? new Set();
    this.#watchers.set(resource.plural, watchers.add(listener));
    try {
      while (!signal.aborted) {
        const next = this.#lagging.includes(resource.plural) ? undefined : queue.shift();
        if (next) yield next;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (this.#lagging.includes(resource.plural)) this.#asleep.push(resolve);
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
        }
      }
    } finally {
      watchers.delete(listener);
    }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    return await this.#write('create', resource, object);
  }

  /** The watches of `resources` tell nothing until {@link catchUp}. */
  lag(...resources: readonly Resource<KubeObject>[]): void {
    this.#lagging = resources.map((each) => each.plural);
  }

  /** Watches tell what they held back. */
  catchUp(): void {
    this.#lagging = [];
    for (const wake of this.#asleep.splice(0)) wake();
  }

  async apply<T extends KubeObject>(
    resource: Resource<T>,
    object: KubeObject,
    { ifAbsent = false }: ApplyOptions = {},
  ): Promise<T> {
    const { uid } = object.metadata;
    const found = this.#store(resource).get(objectKey(object));
    if (ifAbsent && found !== undefined) {
      const cause = new StatusError(409, 'Conflict', 'the object has been modified');
      throw new IsthmusError('API_CONFLICT', 'there is one', { cause });
    }
    if (uid !== undefined && uid !== found?.metadata.uid) {
      const cause = new StatusError(409, 'Conflict', `uid mismatch: ${uid}`);
      throw new IsthmusError('API_CONFLICT', 'replaced', { cause });
    }
    return await this.#write('apply', resource, object);
  }

  async applyStatus<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    if (!this.#store(resource).has(objectKey(object))) {
      const cause = new StatusError(404, 'NotFound', 'gone');
      throw new IsthmusError('API_REFUSED', 'gone', { cause });
    }
    return await this.#write('status', resource, object);
  }

  async replace<T extends KubeObject>(resource: Resource<T>, object: KubeObject): Promise<T> {
    return await this.#write('replace', resource, object);
  }

  async delete<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string) {
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    await this.#round('delete', resource, key);
    return this.drop(resource, key);
  }

  async post(): Promise<unknown> {
    throw new Error('not served');
  }

  async close(): Promise<void> {
    this.#watchers.clear();
  }

  async #write<T extends KubeObject>(verb: string, resource: Resource<T>, object: KubeObject) {
    await this.#round(verb, resource, objectKey(object));
    return this.put(resource, object);
  }

  async #round(verb: string, resource: Resource<KubeObject>, key: string): Promise<void> {
    this.running += 1;
    this.runningMax = Math.max(this.running, this.runningMax);
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.running -= 1;
    this.refuse(verb, resource, key);
    this.writes.push(`${verb} ${resource.plural} ${key}`);
  }

  #store(resource: Resource<KubeObject>): Map<string, KubeObject> {
    const known = this.#stores.get(resource.plural) ?? new Map<string, KubeObject>();
    this.#stores.set(resource.plural, known);
    return known;
  }

  #emit(resource: Resource<KubeObject>, event: WatchEvent<KubeObject>): void {
    this.#log.push([this.#version, resource.plural, event]);
    for (const listener of this.#watchers.get(resource.plural) ?? []) listener(event);
  }
}

function matches(object: KubeObject, { namespace, labelSelector }: Selection): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const [key, value] = labelSelector?.split('=') ?? [];
  return key === undefined || object.metadata.labels?.[key] === value;
}
