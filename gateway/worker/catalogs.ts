/**
 * What peers told of their exports, as the worker that tells for all said it. While it is succeeded two do, of whom each follows
 * another process of the peer's.
 *
 * Promises: what was heard under a Link counts only while that Link trusts whom it trusted then (decision 15); whoever follows a
 * catalog whose Link has changed is told that it has ended.
 */
import { applyCatalogMessage, type Catalog, parseCatalogMessage } from '#core/catalog.ts';
import { CatalogCell } from '../catalog/source.ts';
import type { Snapshot } from '../snapshot/types.ts';
import type { FromWorker } from './protocol.ts';

/** What a peer told, under a Link that trusts `trust`. */
export interface PeerCatalog {
  readonly trust: string;
  readonly cell: CatalogCell;
}

interface Heard extends PeerCatalog {
  /** What each worker that tells said last: what it says next continues that. */
  readonly said: WeakMap<object, Catalog>;
  /** The one whose word counts: who began to tell last, and then whoever is left. */
  teller: object | undefined;
}

export class PeerCatalogs {
  readonly #heard = new Map<string, Heard>();
  #peers: Snapshot['peers'] = new Map();

  /** From now on exactly `peers` are linked. */
  update(peers: Snapshot['peers']): void {
    this.#peers = peers;
    for (const [cluster, { trust, cell }] of this.#heard) {
      if (peers.get(cluster)?.trust === trust) continue;
      cell.close();
      this.#heard.delete(cluster);
    }
  }

  /** What `cluster` exports, or `undefined` where no Link names it. */
  of(cluster: string): PeerCatalog | undefined {
    return this.#of(cluster);
  }

  /** `worker`, the same object each time, heard a line of a peer's catalog. */
  hear(worker: object, { cluster, trust, line }: FromWorker & { kind: 'catalog' }): void {
    const known = this.#of(cluster);
    // What was on its way when the Link changed was heard of somebody else.
    if (known === undefined || known.trust !== trust) return;
    const message = parseCatalogMessage(line);
    if (message === undefined) return;
    const catalog = applyCatalogMessage(known.said.get(worker), message);
    if (catalog === undefined) return;
    known.said.set(worker, catalog);
    if (message.kind === 'snapshot') known.teller = worker;
    known.teller ??= worker;
    if (known.teller === worker) known.cell.set(catalog);
  }

  /** `worker` tells nothing any more. */
  end(worker: object): void {
    for (const heard of this.#heard.values()) if (heard.teller === worker) heard.teller = undefined;
  }

  #of(cluster: string): Heard | undefined {
    const peer = this.#peers.get(cluster);
    if (peer === undefined) return undefined;
    let known = this.#heard.get(cluster);
    if (known === undefined) {
      known = {
        trust: peer.trust,
        cell: new CatalogCell(),
        said: new WeakMap(),
        teller: undefined,
      };
      this.#heard.set(cluster, known);
    }
    return known;
  }
}
