/**
 * This cluster's own catalog, one view per peer: only the exports its Link lets it see.
 */
import type { CatalogCluster, CatalogExport } from '#core/catalog.ts';
import type { Snapshot } from '../snapshot/types.ts';
import { CatalogCell, type CatalogSource, catalogDifference } from './source.ts';

export class OwnCatalog {
  readonly #epoch: string;
  readonly #views = new Map<string, CatalogCell>();
  readonly #spilling: (service: string) => boolean;
  #revision = 0;

  /**
   * `epoch` names this life of the process: positions of different lives do not compare. `spilling`: whether a
   * Service, by `namespace/name`, sends requests away.
   */
  constructor(epoch: string, spilling: (service: string) => boolean) {
    this.#epoch = epoch;
    this.#spilling = spilling;
  }

  /** What `peer` may see; empty until the first {@link update}. */
  viewOf(peer: string): CatalogSource {
    return this.#cell(peer);
  }

  /** Takes over a snapshot; views that did not change are left alone. */
  update(snapshot: Snapshot, cluster: CatalogCluster): void {
    this.#revision += 1;
    for (const key of this.#views.keys()) if (!snapshot.peers.has(key)) this.#views.delete(key);
    for (const peer of snapshot.peers.values()) {
      const cell = this.#cell(peer.clusterName);
      const exports = new Map<string, CatalogExport>();
      for (const key of peer.visibleExports) {
        const each = snapshot.exports.get(key);
        if (each) exports.set(key, this.#spilling(key) ? { ...each, spilling: true } : each);
      }
      const known = cell.current();
      if (known && same(known.cluster, cluster)) {
        const { changed, removed } = catalogDifference(known.exports, exports);
        if (changed.length === 0 && removed.length === 0) continue;
      }
      const position = { epoch: this.#epoch, revision: this.#revision, resourceVersions: {} };
      cell.set({ position, cluster, exports });
    }
  }

  #cell(peer: string): CatalogCell {
    let cell = this.#views.get(peer);
    if (!cell) {
      cell = new CatalogCell();
      this.#views.set(peer, cell);
    }
    return cell;
  }
}

function same(a: CatalogCluster, b: CatalogCluster): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
