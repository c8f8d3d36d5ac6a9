/**
 * The workers of a gateway, seen from the process that watches: told what changed, asked, and heard. How they begin and end is the
 * matter of `processes.ts`.
 */
import type { MetricObject } from 'prom-client';
import type { Probe } from '../balance/balancer.ts';
import { MetricsPage } from '../metrics/page.ts';
import type { Snapshot } from '../snapshot/types.ts';
import { type PeerCatalog, PeerCatalogs } from './catalogs.ts';
import { ProbeDesk } from './probes.ts';
import type { WorkerProcess } from './process.ts';
import { Processes, type ProcessesOptions, type ProcessesOwner } from './processes.ts';
import type { FromWorker, Question } from './protocol.ts';
import { Questions } from './questions.ts';

/** How often what is gone is looked for. */
const FORGET_MS = 15_000;

export interface SupervisorOptions extends ProcessesOptions {
  /** Whether an endpoint is well again, for all workers. */
  readonly probe: (probe: Probe) => Promise<boolean>;
}

export class Supervisor implements ProcessesOwner {
  readonly #options: SupervisorOptions;
  readonly #processes: Processes;
  readonly #catalogs = new PeerCatalogs();
  readonly #questions: Questions;
  readonly #probes: ProbeDesk;
  readonly #page = new MetricsPage<WorkerProcess>({
    ask: (process, peers) => this.#questions.ask(process, { about: 'metrics' }, peers),
    speaks: (process) => this.#processes.speaks(process),
  });
  #snapshot: Snapshot | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#processes = new Processes(options, this);
    this.#questions = new Questions(options.clock);
    const tell = (probe: Probe, alive: boolean) => {
      for (const each of this.#processes.all()) each.send({ kind: 'probed', probe, alive });
    };
    this.#probes = new ProbeDesk(options.probe, tell, options.clock);
  }

  /** Starts all workers. */
  start(): void {
    const { clock } = this.#options;
    clock.every(FORGET_MS, () => {
      if (this.#snapshot !== undefined) this.#page.forget(this.#snapshot, clock.monotonicMs());
    });
    this.#processes.start();
  }

  /** Process ids of the workers that have a place, by its index; while one is succeeded two have it. */
  get pids(): readonly number[] {
    return this.#processes.holders.map(({ pid }) => pid);
  }

  /** What keeps the gateway from being ready; empty when nothing does. */
  notReady(): readonly string[] {
    return this.#snapshot === undefined ? ['snapshot'] : this.#processes.missing;
  }

  /** Tells every worker what changed. */
  update(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#catalogs.update(snapshot.peers);
    for (const each of this.#processes.all()) each.tell(snapshot);
  }

  /** What `cluster` exports, or `undefined` where no Link names it. */
  catalog(cluster: string): PeerCatalog | undefined {
    return this.#catalogs.of(cluster);
  }

  /** What the workers count, those included that have ended, for Prometheus, beside what `own`, a registry, holds. */
  metrics(own: readonly MetricObject[]): Promise<string> {
    return this.#page.page(own, this.#processes.all());
  }

  /** The answers of those who speak for each place, as far as they come in time. */
  async ask(question: Question): Promise<unknown[]> {
    const answers = [...this.#processes.all()]
      .filter((each) => this.#processes.speaks(each))
      .map((each) => this.#questions.ask(each, question));
    return (await Promise.all(answers)).filter((each) => each !== undefined);
  }

  /** Unready from now on, but still serving. */
  leave(): void {
    this.#processes.leave();
  }

  /** Ends all workers; resolves when they are gone, at the latest a second after `graceMs`. */
  stop(graceMs: number): Promise<void> {
    return this.#processes.stop(graceMs);
  }

  heard(process: WorkerProcess, message: FromWorker): void {
    switch (message.kind) {
      case 'started':
        process.begin();
        if (this.#snapshot !== undefined) process.tell(this.#snapshot);
        return;
      case 'probe':
        this.#probes.ask(message.probe);
        return;
      case 'answer':
        this.#questions.answered(message.id, message.value);
        return;
      case 'told':
        // Also where nobody waits for the answer any more.
        this.#page.told(message.portion);
        if (message.id !== undefined) this.#questions.told(message.id, message.portion);
        return;
      case 'catalog':
        if (!process.replaced) this.#catalogs.hear(process, message);
    }
  }

  ended(process: WorkerProcess): void {
    this.#page.end(process);
    this.#questions.end(process);
    this.#catalogs.end(process);
  }
}
