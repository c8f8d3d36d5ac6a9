/** How many connections of clients are open, and whose; whoever floods gets no more of them than leaves some to others. pure */

/** Connections of clients a gateway has open at once; what comes above is closed. */
export const CLIENTS_MAX = 16_000;
/** One source may have so many times what is still free: whoever floods never takes the last place. */
const SOURCE_SHARE = 3;

/** Connections open, by source. */
export class ClientCount {
  readonly #bySource = new Map<string, number>();
  #all = 0;

  /** Connections open. */
  get all(): number {
    return this.#all;
  }

  /** Why `source` may not have one more; each that may must {@link leave} once. */
  enter(source: string): 'CLIENTS_MAX' | 'CLIENTS_OF_SOURCE' | undefined {
    const free = CLIENTS_MAX - this.#all;
    if (free <= 0) return 'CLIENTS_MAX';
    const own = this.#bySource.get(source) ?? 0;
    if (own >= free * SOURCE_SHARE) return 'CLIENTS_OF_SOURCE';
    this.#bySource.set(source, own + 1);
    this.#all += 1;
    return undefined;
  }

  /** A connection of `source` that was let in has ended. */
  leave(source: string): void {
    const own = (this.#bySource.get(source) ?? 1) - 1;
    if (own === 0) this.#bySource.delete(source);
    else this.#bySource.set(source, own);
    this.#all -= 1;
  }
}
