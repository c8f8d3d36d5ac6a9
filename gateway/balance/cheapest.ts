/**
 * The two cheapest of some candidates. pure
 *
 * One of them is used again for every pick, so that a pick allocates nothing.
 */
import type { EndpointState } from './endpoint.ts';

/** See the header of this file. */
export class Cheapest {
  first: EndpointState | undefined;
  second: EndpointState | undefined;
  #firstCost = 0;
  #secondCost = 0;
  #nowMs = 0;
  #tried: readonly string[] = [];
  #panic = false;

  /** Forgets all candidates; those `tried` do not count, ejected ones only in `panic`. */
  begin(nowMs: number, tried: readonly string[], panic: boolean): void {
    this.first = undefined;
    this.second = undefined;
    this.#firstCost = Number.POSITIVE_INFINITY;
    this.#secondCost = Number.POSITIVE_INFINITY;
    this.#nowMs = nowMs;
    this.#tried = tried;
    this.#panic = panic;
  }

  /** Looks at one more candidate, which may have been looked at before. */
  consider(each: EndpointState | undefined): void {
    if (each === undefined || each === this.first || each === this.second) return;
    if (each.weight <= 0 || !(this.#panic || each.available)) return;
    if (this.#tried.length > 0 && this.#tried.includes(each.key)) return;
    const cost = each.cost(this.#nowMs);
    if (cost < this.#firstCost) {
      this.second = this.first;
      this.#secondCost = this.#firstCost;
      this.first = each;
      this.#firstCost = cost;
    } else if (cost < this.#secondCost) {
      this.second = each;
      this.#secondCost = cost;
    }
  }
}
