/** Reads what gateways count as Prometheus would: tells it as a worker does, and adds it up as its supervisor does. */
import type { PeerRow } from '#gateway/metrics/peers.ts';
import { Tally } from '#gateway/metrics/tally.ts';
import { type Portion, tellAll, type Untold } from '#gateway/metrics/telling.ts';

export class Reader {
  readonly tally = new Tally();

  /** The page, once each of `tellers` has told what it has. */
  async page(...tellers: Partial<Untold>[]): Promise<string> {
    const peers: PeerRow[] = [];
    const add = async (portion: Portion) => {
      // As it is after the channel between the processes.
      const heard = structuredClone(portion);
      this.tally.add(heard);
      peers.push(...(heard.peers ?? []));
    };
    for (const each of tellers)
      await tellAll({ requests: [], budgets: [], peers: [], ...each }, add);
    return this.tally.text(peers);
  }
}
