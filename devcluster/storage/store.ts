/**
 * The cluster's state: objects by resource, one revision counter, a bounded history of changes.
 *
 * Promises: every change has a revision of its own, higher than all before; listeners hear changes in
 * that order, synchronously, and must not write from within; objects are shared, never changed in place. Revisions start at the
 * wall clock in milliseconds, so that a version from an earlier run of the process counts as too old
 * (410) and never as one from the future.
 */
import type { KubeObject } from '../values/json.ts';
import { namespaceOf } from '../values/json.ts';

/** Changes of one resource that stay readable for watches. */
export const HISTORY_MAX = 5_000;

/** One change. `previous` is what a DELETED or MODIFIED replaced. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
  readonly revision: number;
}

/** Hears changes; must not write. */
export type Listener = (change: Change) => void;

/** Objects of one resource, such as `deployments.apps`. */
class Table {
  readonly objects = new Map<string, KubeObject>();
  readonly listeners = new Set<Listener>();
  history: Change[] = [];
  /** Watches from below this revision would miss a change. */
  oldestRevision: number;
  #sorted: KubeObject[] | undefined;

  constructor(revision: number) {
    this.oldestRevision = revision;
  }

  /** In order of namespace and name, as etcd keys are. */
  sorted(): readonly KubeObject[] {
    this.#sorted ??= [...this.objects.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
    return this.#sorted;
  }

  record(change: Change): void {
    this.#sorted = undefined;
    this.history.push(change);
    if (this.history.length > HISTORY_MAX * 1.25) {
      const dropped = this.history.length - HISTORY_MAX;
      this.oldestRevision = this.history[dropped - 1]?.revision ?? this.oldestRevision;
      this.history = this.history.slice(dropped);
    }
    for (const listener of [...this.listeners]) listener(change);
  }
}

/** What can be read of a store, now or as it was. */
export interface Frozen {
  readonly revision: number;
  get(resource: string, namespace: string, name: string): KubeObject | undefined;
  list(resource: string, namespace?: string): readonly KubeObject[];
}

/** See the file header. */
export class Store implements Frozen {
  readonly #tables = new Map<string, Table>();
  readonly #everywhere = new Set<(resource: string, change: Change) => void>();
  readonly #firstRevision: number;
  #revision: number;

  constructor(firstRevision: number) {
    this.#firstRevision = firstRevision;
    this.#revision = firstRevision;
  }

  /** The revision of the latest change. */
  get revision(): number {
    return this.#revision;
  }

  get(resource: string, namespace: string, name: string): KubeObject | undefined {
    return this.#table(resource).objects.get(keyOf(namespace, name));
  }

  /** All objects of a resource, sorted by namespace and name; do not change the array. */
  list(resource: string, namespace = ''): readonly KubeObject[] {
    const all = this.#table(resource).sorted();
    return namespace === '' ? all : all.filter((object) => namespaceOf(object) === namespace);
  }

  /** Stores `object` under a new revision, which is written into its metadata. */
  put(resource: string, object: KubeObject): KubeObject {
    const table = this.#table(resource);
    const key = keyOf(namespaceOf(object), object.metadata.name);
    const previous = table.objects.get(key);
    const stored = this.#stamp(object);
    table.objects.set(key, stored);
    const type = previous ? 'MODIFIED' : 'ADDED';
    this.#record(resource, table, { type, object: stored, previous, revision: this.#revision });
    return stored;
  }

  /** Removes the object; the DELETED change carries its last state at a new revision. */
  remove(resource: string, object: KubeObject): KubeObject {
    const table = this.#table(resource);
    const key = keyOf(namespaceOf(object), object.metadata.name);
    const previous = table.objects.get(key);
    if (!previous) return object;
    table.objects.delete(key);
    const last = this.#stamp(object);
    const revision = this.#revision;
    this.#record(resource, table, { type: 'DELETED', object: last, previous, revision });
    return last;
  }

  /**
   * The changes of `resource` after `revision`; `undefined` when some of them are forgotten.
   */
  since(resource: string, revision: number): readonly Change[] | undefined {
    const table = this.#table(resource);
    if (revision < table.oldestRevision) return undefined;
    const { history } = table;
    let start = history.length;
    while (start > 0 && (history[start - 1]?.revision ?? 0) > revision) start -= 1;
    return history.slice(start);
  }

  /** Calls `listener` on every later change of `resource`; returns how to stop. */
  listen(resource: string, listener: Listener): () => void {
    const { listeners } = this.#table(resource);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Calls `listener` on every later change of every resource; returns how to stop. */
  listenAll(listener: (resource: string, change: Change) => void): () => void {
    this.#everywhere.add(listener);
    return () => this.#everywhere.delete(listener);
  }

  /** The state of this moment, whatever is written later; objects are shared, not copied. */
  freeze(): Frozen {
    const tables = new Map(
      [...this.#tables].map(([name, table]) => [
        name,
        { objects: new Map(table.objects), sorted: table.sorted() },
      ]),
    );
    return {
      revision: this.#revision,
      get: (resource, namespace, name) => tables.get(resource)?.objects.get(keyOf(namespace, name)),
      list: (resource, namespace = '') => {
        const all = tables.get(resource)?.sorted ?? [];
        return namespace === '' ? all : all.filter((each) => namespaceOf(each) === namespace);
      },
    };
  }

  /** Forgets the history of every resource, as an etcd compaction would: older watches get 410. */
  compact(): void {
    for (const table of this.#tables.values()) {
      table.history = [];
      table.oldestRevision = this.#revision;
    }
  }

  #record(resource: string, table: Table, change: Change): void {
    table.record(change);
    for (const listener of this.#everywhere) listener(resource, change);
  }

  #table(resource: string): Table {
    let table = this.#tables.get(resource);
    if (!table) {
      table = new Table(this.#firstRevision);
      this.#tables.set(resource, table);
    }
    return table;
  }

  #stamp(object: KubeObject): KubeObject {
    this.#revision += 1;
    return {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#revision) },
    };
  }
}

function keyOf(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
