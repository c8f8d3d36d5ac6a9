/**
 * The page of metrics of a gateway, of what its workers say when it is asked for and have told before.
 */
import { AggregatorRegistry, type MetricObject } from 'prom-client';
import type { Snapshot } from '../snapshot/types.ts';
import type { PeerRow } from './peers.ts';
import { Tally } from './tally.ts';
import type { Portion } from './telling.ts';
import { Totals } from './totals.ts';

/** Who is asked: workers that are known by `W`. */
export interface Asking<W> {
  /** What the registry of `worker` holds, `undefined` where it does not say in time; `peers` gets what it told before that. */
  ask(worker: W, peers: PeerRow[]): Promise<unknown>;
  /** Whether `worker` is the one that says how things stand in its place. */
  speaks(worker: W): boolean;
}

export class MetricsPage<W> {
  readonly #asking: Asking<W>;
  readonly #totals = new Totals<W>();
  readonly #tally = new Tally();

  constructor(asking: Asking<W>) {
    this.#asking = asking;
  }

  /** What a worker told, whether it was asked or not. */
  told(portion: Portion): void {
    this.#tally.add(portion);
  }

  /** `worker` has ended: what it counted stays. */
  end(worker: W): void {
    this.#totals.end(worker);
  }

  /** What `snapshot` names no more is told for a while longer; to be called every few seconds. */
  forget({ services, listeners, peers }: Snapshot, nowMs: number): void {
    const there = new Set(services.keys());
    for (const { target } of listeners.values()) there.add(`${target.namespace}/${target.name}`);
    this.#tally.forget({ services: there, clusters: peers }, nowMs);
  }

  /** What `workers` count, those included that have ended, beside what `own`, the registry of this process, holds. */
  async page(own: readonly MetricObject[], workers: Iterable<W>): Promise<string> {
    const peers: PeerRow[] = [];
    const speaks = (worker: W) => this.#asking.speaks(worker);
    const ask = async (worker: W) => {
      const heard: PeerRow[] = [];
      const answer = await this.#asking.ask(worker, heard);
      if (answer !== undefined && speaks(worker)) peers.push(...heard);
      return answer;
    };
    const all = await this.#totals.collect(workers, ask, speaks);
    const text = await AggregatorRegistry.aggregate([own, ...all] as MetricObject[][]).metrics();
    return text + (await this.#tally.text(peers));
  }
}
