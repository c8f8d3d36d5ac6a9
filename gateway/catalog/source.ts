/**
 * A catalog that changes: ours, as one peer may see it, or the one a peer told us.
 */
import type { Catalog, CatalogExport } from '#core/catalog.ts';

export interface CatalogSource {
  /** The catalog now, or `undefined` while nothing is known. */
  current(): Catalog | undefined;
  /** How many listen. */
  readonly listeners: number;
  /** Calls `listener` after every change until the returned function is called. */
  subscribe(listener: () => void): () => void;
}

/** A {@link CatalogSource} that is set from outside. */
export class CatalogCell implements CatalogSource {
  readonly #listeners = new Set<() => void>();
  readonly #closing = new AbortController();
  #catalog: Catalog | undefined;

  current(): Catalog | undefined {
    return this.#catalog;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** One that is incomplete is passed over: what was known before stays until the rest has come. */
  set(catalog: Catalog): void {
    if (catalog === this.#catalog || catalog.incomplete) return;
    this.#catalog = catalog;
    for (const listener of this.#listeners) listener();
  }

  /** Nothing will be said any more, and what was counts no longer. */
  close(): void {
    this.#closing.abort();
  }

  /** Aborts with {@link close}. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** What must be said to somebody who knows `before` so that he knows `after`. pure */
export function catalogDifference(
  before: ReadonlyMap<string, CatalogExport>,
  after: ReadonlyMap<string, CatalogExport>,
): { changed: CatalogExport[]; removed: string[] } {
  const changed: CatalogExport[] = [];
  for (const [key, each] of after) {
    const known = before.get(key);
    if (known !== each && JSON.stringify(known) !== JSON.stringify(each)) changed.push(each);
  }
  const removed = [...before.keys()].filter((key) => !after.has(key));
  return { changed, removed };
}
