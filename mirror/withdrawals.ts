/**
 * Holds back mass withdrawals: a peer that suddenly exports far less may have lost its mind, not its services.
 *
 * More than ten services and more than a tenth of what the peer exported, gone at once, stay for a minute;
 * then the catalog is fetched afresh, and only what is missing there too is let go. What is held back and what is new
 * are together no more than one catalog can hold: what is new waits.
 */
import { type Catalog, type CatalogExport, countFitting } from '#core/catalog.ts';

/** At most this many may go at once without being held. */
export const WITHDRAWAL_SERVICES_MAX = 10;
/** As a share of what the peer exported. */
export const WITHDRAWAL_SHARE_MAX = 0.1;
export const WITHDRAWAL_HOLD_MS = 60_000;

/** What is to be taken for the catalog of one peer now. */
export interface Judged {
  readonly catalog: Catalog;
  /** Exports that are gone in fact and kept for now. */
  readonly withheld: number;
  /** When the catalog has to be fetched afresh, monotonic. */
  readonly refetchAtMs: number | undefined;
}

/** Judges the catalogs of one peer, one after the other. */
export class WithdrawalGuard {
  #known: ReadonlyMap<string, CatalogExport>;
  #heldSinceMs: number | undefined;

  /** `known`: what the peer exported as far as this cluster's own objects tell. */
  constructor(known: ReadonlyMap<string, CatalogExport>) {
    this.#known = known;
  }

  /** `snapshotAtMs`: when the last full snapshot that `catalog` is built on arrived. */
  judge(catalog: Catalog, snapshotAtMs: number, nowMs: number): Judged {
    const gone = [...this.#known].filter(([key]) => !catalog.exports.has(key));
    const many =
      gone.length > WITHDRAWAL_SERVICES_MAX &&
      gone.length > this.#known.size * WITHDRAWAL_SHARE_MAX;
    const confirmed =
      this.#heldSinceMs !== undefined && snapshotAtMs >= this.#heldSinceMs + WITHDRAWAL_HOLD_MS;
    if (!many || confirmed) {
      this.#heldSinceMs = undefined;
      this.#known = catalog.exports;
      return { catalog, withheld: 0, refetchAtMs: undefined };
    }
    this.#heldSinceMs ??= nowMs;
    const exports = this.#within([...gone, ...catalog.exports]);
    this.#known = exports;
    return {
      catalog: { ...catalog, exports },
      withheld: gone.length,
      refetchAtMs: this.#heldSinceMs + WITHDRAWAL_HOLD_MS,
    };
  }

  /** As much of `exports` as one catalog has room for, what was known first. */
  #within(exports: readonly (readonly [string, CatalogExport])[]): Catalog['exports'] {
    const known = exports.filter(([key]) => this.#known.has(key));
    const fresh = exports.filter(([key]) => !this.#known.has(key));
    const ordered = [...known, ...fresh];
    return new Map(ordered.slice(0, countFitting(ordered.map(([, each]) => each))));
  }
}

/** A catalog, and when the snapshot it is built on came (monotonic). */
interface Heard {
  readonly catalog: Catalog;
  readonly snapshotAtMs: number;
}

/** Judges the catalogs of all peers. */
export class Withdrawals {
  readonly #guards = new Map<string, WithdrawalGuard>();

  /**
   * What is to be taken for the catalog of each peer now. `assumed` is asked once for each peer that is new: what it
   * exported as far as this cluster's own objects tell. Peers that are not `heard` any more are forgotten.
   */
  judge(
    heard: ReadonlyMap<string, Heard>,
    assumed: (cluster: string) => ReadonlyMap<string, CatalogExport>,
    nowMs: number,
  ): ReadonlyMap<string, Judged> {
    for (const cluster of this.#guards.keys()) {
      if (!heard.has(cluster)) this.#guards.delete(cluster);
    }
    return new Map(
      [...heard].map(([cluster, { catalog, snapshotAtMs }]) => {
        const guard = this.#guards.get(cluster) ?? new WithdrawalGuard(assumed(cluster));
        this.#guards.set(cluster, guard);
        return [cluster, guard.judge(catalog, snapshotAtMs, nowMs)];
      }),
    );
  }
}
