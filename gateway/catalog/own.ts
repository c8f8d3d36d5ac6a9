/**
 * This cluster's own catalog, one view per peer: only the exports its Link lets it see, and no more of anything
 * than the peer would take.
 */
import { CATALOG_LIMITS, type CatalogCluster, type CatalogExport } from '#core/catalog.ts';
import type { LogFields, Logger } from '#core/log.ts';
import { untoldExports } from '#core/untold.ts';
import type { Snapshot } from '../snapshot/types.ts';
import { CatalogCell, type CatalogSource, catalogDifference } from './source.ts';

export class OwnCatalog {
  readonly #epoch: string;
  readonly #views = new Map<string, CatalogCell>();
  readonly #spilling: (service: string) => boolean;
  readonly #log: Logger;
  /** What was warned of last, by what it is about. */
  readonly #warned = new Map<string, number>();
  #revision = 0;

  /**
   * `epoch` names this life of the process: positions of different lives do not compare. `spilling`: whether a
   * Service, by `namespace/name`, sends requests away.
   */
  constructor(epoch: string, spilling: (service: string) => boolean, log: Logger) {
    this.#epoch = epoch;
    this.#spilling = spilling;
    this.#log = log;
  }

  /** What `peer` may see; empty until the first {@link update}. */
  viewOf(peer: string): CatalogSource {
    return this.#cell(peer);
  }

  /** Takes over a snapshot; views that did not change are left alone. */
  update(snapshot: Snapshot, all: CatalogCluster): void {
    const { gatewaysMax } = CATALOG_LIMITS;
    const cluster = { ...all, gateways: all.gateways.slice(0, gatewaysMax) };
    this.#warn('addresses of gateways', all.gateways.length - gatewaysMax, {
      next: `advertise at most ${gatewaysMax} addresses, such as those of a load balancer`,
    });
    this.#revision += 1;
    for (const key of this.#views.keys()) {
      if (snapshot.peers.has(key)) continue;
      this.#views.delete(key);
      this.#warned.delete(exportsFor(key));
    }
    for (const peer of snapshot.peers.values()) {
      const cell = this.#cell(peer.clusterName);
      const exports = new Map<string, CatalogExport>();
      for (const key of peer.visibleExports) {
        const each = snapshot.exports.get(key);
        if (each) exports.set(key, this.#spilling(key) ? { ...each, spilling: true } : each);
      }
      const untold = untoldExports(exports.values());
      for (const key of untold) exports.delete(key);
      this.#warn(exportsFor(peer.clusterName), untold.size, {
        next: `let spec.export.serviceSelector of Link ${peer.linkName} select fewer`,
      });
      const known = cell.current();
      if (known && same(known.cluster, cluster)) {
        const { changed, removed } = catalogDifference(known.exports, exports);
        if (changed.length === 0 && removed.length === 0) continue;
      }
      const position = { epoch: this.#epoch, revision: this.#revision, resourceVersions: {} };
      cell.set({ position, cluster, exports });
    }
  }

  /** Warns of how many are not told, once as long as that is so. */
  #warn(what: string, count: number, fields: LogFields): void {
    const untold = Math.max(0, count);
    if ((this.#warned.get(what) ?? 0) === untold) return;
    this.#warned.set(what, untold);
    if (untold > 0) this.#log.warn(`too many ${what}: some are not told`, { untold, ...fields });
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

function exportsFor(peer: string): string {
  return `exports for ${peer}`;
}

function same(a: CatalogCluster, b: CatalogCluster): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
