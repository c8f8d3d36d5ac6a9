/**
 * Sums by service and cluster, which stay for a while after what they tell of has gone: so long that whoever reads them now and
 * then has seen the last value, and no longer, or a gateway in a cluster where much comes and goes would grow without end. pure
 */

/**
 * What is gone is told for so long after its last change: Prometheus, which most read each minute or sooner, has then read it ten
 * times, and what it knew before is stale by its own rule (5 minutes). What comes back later begins at 0.
 */
export const GONE_MS = 600_000;
/** No more than so many of those that are gone are told, however many come and go within {@link GONE_MS}. */
export const GONE_MAX = 4_096;

interface Entry<T> {
  readonly service: string;
  readonly cluster: string;
  readonly sum: T;
  /** Since when it has been gone and unchanged; `undefined` while it is there. */
  goneMs: number | undefined;
}

export class Series<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #begin: (service: string, cluster: string) => T;

  /** `begin` makes a sum that is 0. */
  constructor(begin: (service: string, cluster: string) => T) {
    this.#begin = begin;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The sum of `service` and `cluster`, which is about to change. */
  changing(service: string, cluster: string): T {
    const key = `${service} ${cluster}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { service, cluster, sum: this.#begin(service, cluster), goneMs: undefined };
      this.#entries.set(key, entry);
    }
    // Where it is gone, what it counts last is to be seen as well.
    entry.goneMs = undefined;
    return entry.sum;
  }

  /** Drops what `isThere` has not known for {@link GONE_MS}; to be asked every few seconds. */
  forget(isThere: (service: string, cluster: string) => boolean, nowMs: number): void {
    const gone: [string, number][] = [];
    for (const [key, entry] of this.#entries) {
      if (isThere(entry.service, entry.cluster)) {
        entry.goneMs = undefined;
        continue;
      }
      entry.goneMs ??= nowMs;
      if (nowMs - entry.goneMs >= GONE_MS) this.#entries.delete(key);
      else gone.push([key, entry.goneMs]);
    }
    if (gone.length <= GONE_MAX) return;
    gone.sort(([, a], [, b]) => a - b);
    for (const [key] of gone.slice(0, gone.length - GONE_MAX)) this.#entries.delete(key);
  }

  *sums(): Generator<T> {
    for (const { sum } of this.#entries.values()) yield sum;
  }
}
