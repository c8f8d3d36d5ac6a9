/**
 * Sums by service and cluster. pure
 */

export class Series<T> {
  readonly #entries = new Map<string, T>();
  readonly #begin: (service: string, cluster: string) => T;

  /** `begin` makes a sum that is 0. */
  constructor(begin: (service: string, cluster: string) => T) {
    this.#begin = begin;
  }

  /** The sum of `service` and `cluster`, which is about to change. */
  changing(service: string, cluster: string): T {
    const key = `${service} ${cluster}`;
    let sum = this.#entries.get(key);
    if (sum === undefined) {
      sum = this.#begin(service, cluster);
      this.#entries.set(key, sum);
    }
    return sum;
  }

  sums(): Iterable<T> {
    return this.#entries.values();
  }
}
