/**
 * What the workers of a gateway have told of requests, budgets and peers, summed and written for Prometheus.
 *
 * Whatever a worker tells is added once, so no counter falls when it ends, and none counts twice when another has its place. A page
 * is written over many turns; what it says of one service and cluster is of one moment.
 */
import { BudgetFamilies, BudgetTotal } from './budgets.ts';
import { type PeerRow, peerText } from './peers.ts';
import { RequestFamilies, RequestTotal } from './request-totals.ts';
import { Series } from './series.ts';
import type { Portion } from './telling.ts';

/** Series of services and clusters that are written in one turn. */
const WRITTEN_PER_TURN = 256;

/** Which services there are, by `namespace/name`, and which linked clusters. */
export interface There {
  readonly services: ReadonlySet<string>;
  readonly clusters: { has(cluster: string): boolean };
}

export class Tally {
  readonly #requests = new Series((service, cluster) => new RequestTotal(service, cluster));
  readonly #budgets = new Series((service) => new BudgetTotal(service));

  /** Adds what a worker told. */
  add({ requests = [], budgets = [] }: Portion): void {
    for (const row of requests) this.#requests.changing(row.service, row.cluster).add(row);
    for (const row of budgets) this.#budgets.changing(row.service, '').add(row);
  }

  /** How many sums are kept. */
  get size(): number {
    return this.#requests.size + this.#budgets.size;
  }

  /** Drops what has been gone for long enough; to be called every few seconds. */
  forget({ services, clusters }: There, nowMs: number): void {
    const isThere = (service: string, cluster: string) =>
      services.has(service) && (cluster === '' || cluster === 'local' || clusters.has(cluster));
    this.#requests.forget(isThere, nowMs);
    this.#budgets.forget(isThere, nowMs);
  }

  /** All of it, with what `peers` say of the linked clusters. */
  async text(peers: Iterable<PeerRow>): Promise<string> {
    const requests = new RequestFamilies();
    await overTurns(this.#requests.sums(), (each) => each.write(requests));
    const budgets = new BudgetFamilies();
    await overTurns(this.#budgets.sums(), (each) => each.write(budgets));
    return requests.text + budgets.text + peerText(peers);
  }
}

/** Calls `use` for each of `all`, {@link WRITTEN_PER_TURN} in a turn. */
async function overTurns<T>(all: Iterable<T>, use: (each: T) => void): Promise<void> {
  let left = WRITTEN_PER_TURN;
  for (const each of all) {
    use(each);
    left -= 1;
    if (left > 0) continue;
    left = WRITTEN_PER_TURN;
    await new Promise(setImmediate);
  }
}
