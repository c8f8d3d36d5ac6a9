/**
 * Holds back mass withdrawals: a peer that suddenly exports far less may have lost its mind, not its services.
 *
 * More than ten services and more than a tenth of what the peer exported, gone at once, stay for a minute;
 * then the catalog is fetched afresh, and only what is missing there too is let go. What is held back and what is new
 * are together no more than one catalog can hold: what is new waits.
 */
import { CATALOG_LIMITS, type Catalog, type CatalogExport } from '#core/catalog.ts';

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
    const exports = new Map([...gone, ...this.#within(catalog.exports, gone.length)]);
    this.#known = exports;
    return {
      catalog: { ...catalog, exports },
      withheld: gone.length,
      refetchAtMs: this.#heldSinceMs + WITHDRAWAL_HOLD_MS,
    };
  }

  /** Of `exports` what was known, and as much of the rest as there is room for beside those that are `held`. */
  #within(
    exports: Catalog['exports'],
    held: number,
  ): readonly (readonly [string, CatalogExport])[] {
    const room = Math.max(0, CATALOG_LIMITS.exportsMax - held);
    if (exports.size <= room) return [...exports];
    const known = [...exports].filter(([key]) => this.#known.has(key));
    const fresh = [...exports].filter(([key]) => !this.#known.has(key));
    return [...known, ...fresh.slice(0, Math.max(0, room - known.length))];
  }
}
