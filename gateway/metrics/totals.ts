/**
 * What the registries of a gateway's processes hold, summed so that no counter ever goes back: to Prometheus a counter that falls was
 * begun anew, and all that is left of it would count as new. Registries are small; what grows with services and peers is told
 * otherwise (`tally.ts`).
 *
 * So what a worker had counted when it was last asked stays once it has ended, and stands for it where it is too busy to answer.
 */
import { AggregatorRegistry, type MetricObject } from 'prom-client';

type Metrics = readonly MetricObject[];

/** The totals of workers that are known by `W`. */
export class Totals<W> {
  readonly #last = new Map<W, Metrics>();
  #ended: Metrics = [];

  /**
   * What each of `workers` says to `ask`, or had counted, and what those had that have ended. Of who does not speak for its
   * place only what it counts: how things stand there, another tells.
   */
  async collect(
    workers: Iterable<W>,
    ask: (worker: W) => Promise<unknown>,
    speaks: (worker: W) => boolean,
  ): Promise<readonly Metrics[]> {
    // Whoever ends meanwhile has either answered or is known by its last answer.
    const ended = this.#ended;
    const all = [...workers].map(async (worker) => {
      const known = this.#last.get(worker) ?? [];
      const answer = (await ask(worker)) as Metrics | undefined;
      if (answer === undefined) return known;
      const counted = answer.filter(grows);
      this.#last.set(worker, counted);
      return speaks(worker) ? answer : counted;
    });
    return [ended, ...(await Promise.all(all))];
  }

  /** `worker` will be asked no more. */
  end(worker: W): void {
    const last = this.#last.get(worker);
    if (last === undefined) return;
    this.#last.delete(worker);
    this.#ended = AggregatorRegistry.aggregate([[...this.#ended], [...last]]).getMetricsAsArray();
  }
}

function grows({ type }: MetricObject): boolean {
  return String(type) === 'counter' || String(type) === 'histogram';
}
