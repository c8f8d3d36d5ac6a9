/**
 * The workers of a gateway, seen from the process that watches: started, told what changed, asked,
 * replaced when they leave, started again when they die.
 *
 * They share each listening socket (node:cluster without its scheduler): what waits in its queue is
 * lost with no worker, and a new one is there before an old one stops accepting.
 */
import cluster, { type Worker } from 'node:cluster';
import type { MetricObject } from 'prom-client';
import { backoffMs } from '#core/backoff.ts';
import { applyCatalogMessage, type Catalog, parseCatalogMessage } from '#core/catalog.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { Probe } from '../balance/balancer.ts';
import { CatalogCell } from '../catalog/source.ts';
import type { Loss } from '../metrics/lost.ts';
import { MetricsPage } from '../metrics/page.ts';
import type { PeerRow } from '../metrics/peers.ts';
import { applySnapshotDelta, snapshotDelta } from '../snapshot/delta.ts';
import { emptySnapshot, type Peer, type Snapshot } from '../snapshot/types.ts';
import { ProbeDesk } from './probes.ts';
import { type FromWorker, type Question, type ToWorker, WORKER_INDEX } from './protocol.ts';
import { isStopped } from './stopped.ts';
import { Watchdog } from './watchdog.ts';

const RESTART = { firstMs: 50, maxMs: 5_000 };
/** A worker that lived so long died for a new reason. */
const STABLE_MS = 10_000;
const ANSWER_MS = 2_000;
/** How often what is gone is looked for. */
const FORGET_MS = 15_000;
/** What a worker that is replaced may take to end its last requests. */
const REPLACE_GRACE_MS = 10_000;

/**
 * What a worker allocates lives for a request or for a connection: a small young generation is swept
 * sooner, and a crowd of connections costs less memory. It is also swept when buffers were made
 * (`transport/reading.ts`), which V8 does not count as young.
 */
export const WORKER_FLAGS: readonly string[] = [
  '--max-semi-space-size=4',
  '--no-parallel-scavenge',
  // V8 would look through everything again when half as much has been added to what lives.
  '--heap-growing-percent=200',
  // A crowd of requests under way at the wrong moment makes V8 take a place's objects for long-lived, for good.
  '--no-allocation-site-pretenuring',
  // A function is compiled for good after so many calls instead of 3,000: a gateway with little to do took minutes to get there.
  '--invocation-count-for-turbofan=1200',
  '--expose-gc',
];

/** One arena for all threads of a worker: with one each, what a crowd leaves behind stays with glibc. */
export const WORKER_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '1' };

export interface SupervisorOptions {
  /** The program of a worker, a file for node. */
  readonly program: string;
  readonly count: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Whether an endpoint is well again, for all workers. */
  readonly probe: (probe: Probe) => Promise<boolean>;
  /** After what silence a worker is taken to stand still; see `Watchdog`. */
  readonly stillMs?: number | undefined;
  /** After what silence one that has said nothing yet is. */
  readonly firstWordMs?: number | undefined;
  /** Whether node holds each until a debugger lets its program begin. @default false */
  readonly awaitDebugger?: boolean;
  /** A worker was lost. */
  readonly lost?: (how: Loss) => void;
}

interface Process {
  readonly index: number;
  readonly worker: Worker;
  readonly startedMs: number;
  /** What it knows; `undefined` until it has asked for it. */
  told: Snapshot | undefined;
  missing: readonly string[];
  /** Serves until it ends, but somebody else has its place. */
  replaced: boolean;
  /** It was ended because it stood still. */
  isStill: boolean;
}

/** A question, and what has come of its answer. */
interface Asked {
  readonly process: Process;
  readonly peers: PeerRow[];
  resolve(value: unknown): void;
}

/** What a peer told, under a Link that trusts `trust`. */
export interface PeerCatalog {
  readonly trust: string;
  readonly cell: CatalogCell;
  /** What the worker that tells said last. */
  catalog: Catalog | undefined;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #processes = new Set<Process>();
  readonly #asked = new Map<number, Asked>();
  readonly #catalogs = new Map<string, PeerCatalog>();
  readonly #failures: number[];
  readonly #probes: ProbeDesk;
  readonly #watchdog: Watchdog<Process>;
  readonly #metrics = new MetricsPage<Process>({
    ask: (process, peers) => this.#ask(process, 'metrics', peers),
    speaks: (process) => this.#speaks(process),
  });
  #snapshot: Snapshot | undefined;
  #lastId = 0;
  #leaving = false;
  #stopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#failures = Array<number>(options.count).fill(0);
    const tell = (probe: Probe, alive: boolean) => {
      for (const each of this.#processes) this.#send(each, { kind: 'probed', probe, alive });
    };
    this.#probes = new ProbeDesk(options.probe, tell, options.clock);
    this.#watchdog = new Watchdog({
      clock: options.clock,
      stillMs: options.stillMs,
      firstWordMs: options.firstWordMs,
      isStopped: ({ worker }) => isStopped(worker.process.pid ?? 0),
      standsStill: (process, silentMs) => this.#onStill(process, silentMs),
    });
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({
      exec: options.program,
      args: [],
      execArgv: [...process.execArgv, ...WORKER_FLAGS],
      serialization: 'advanced',
      // A worker lives by its channel, and has no use for our standard input.
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** Starts all workers. */
  start(): void {
    const { clock } = this.#options;
    clock.every(FORGET_MS, () => {
      if (this.#snapshot !== undefined) this.#metrics.forget(this.#snapshot, clock.monotonicMs());
    });
    for (let index = 0; index < this.#options.count; index += 1) this.#fork(index);
  }

  /** Process ids of the workers that have a place, by index. */
  get pids(): readonly number[] {
    return [...this.#holders()].map(({ worker }) => worker.process.pid ?? 0);
  }

  /** What keeps the gateway from being ready; empty when nothing does. */
  notReady(): readonly string[] {
    if (this.#snapshot === undefined) return ['snapshot'];
    const missing: string[] = [];
    for (let index = 0; index < this.#options.count; index += 1) {
      const all = [...this.#processes].filter((each) => each.index === index);
      if (all.some((each) => each.missing.length === 0)) continue;
      const why = all.at(-1)?.missing.join(', ') ?? 'not running';
      missing.push(`worker ${index}: ${why}`);
    }
    return missing;
  }

  /** Tells every worker what changed. */
  update(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const [cluster, { trust, cell }] of this.#catalogs) {
      if (snapshot.peers.get(cluster)?.trust === trust) continue;
      cell.close();
      this.#catalogs.delete(cluster);
    }
    for (const each of this.#processes) this.#tell(each);
  }

  /** What `cluster` exports, or `undefined` where no Link names it. */
  catalog(cluster: string): PeerCatalog | undefined {
    const peer = this.#snapshot?.peers.get(cluster);
    return peer === undefined ? undefined : this.#catalogOf(peer);
  }

  /** What the workers count, those included that have ended, for Prometheus, beside what `own`, a registry, holds. */
  metrics(own: readonly MetricObject[]): Promise<string> {
    return this.#metrics.page(own, this.#processes);
  }

  /** The answers of those who speak for each place, as far as they come in time. */
  async ask(question: Exclude<Question, 'metrics'>): Promise<unknown[]> {
    const answers = [...this.#processes]
      .filter(this.#speaks)
      .map((each) => this.#ask(each, question));
    return (await Promise.all(answers)).filter((each) => each !== undefined);
  }

  /** Unready from now on, but still serving. */
  leave(): void {
    this.#leaving = true;
    for (const each of this.#processes) this.#send(each, { kind: 'leave' });
  }

  /** Ends all workers; resolves when they are gone, at the latest a second after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#watchdog.close();
    const gone = [...this.#processes].map(
      (each) => new Promise((resolve) => each.worker.once('exit', resolve)),
    );
    for (const each of this.#processes) this.#send(each, { kind: 'stop', graceMs });
    const timer = this.#options.clock.after(graceMs + 1_000, () => {
      for (const { worker } of this.#processes) worker.process.kill('SIGKILL');
    });
    await Promise.all(gone);
    timer.cancel();
  }

  *#holders(): Generator<Process> {
    for (const each of this.#processes) if (!each.replaced) yield each;
  }

  /** Whether it speaks for its place: whoever had it before does until it is ready. */
  readonly #speaks = (process: Process): boolean => {
    for (const each of this.#processes)
      if (each.index === process.index && !each.replaced) return each === process;
    return false;
  };

  #fork(index: number): void {
    const { clock, log } = this.#options;
    const worker = cluster.fork({
      ...WORKER_ENVIRONMENT,
      [WORKER_INDEX]: String(index),
      ISTHMUS_PARENT: 'none',
    });
    const process: Process = {
      index,
      worker,
      startedMs: clock.monotonicMs(),
      told: undefined,
      missing: ['starting'],
      replaced: false,
      isStill: false,
    };
    this.#processes.add(process);
    this.#watchdog.begun(process, this.#options.awaitDebugger);
    worker.on('message', (message: FromWorker) => this.#onMessage(process, message));
    worker.on('error', (error) => log.warn('worker channel failed', { error: error.message }));
    worker.once('exit', (code, signal) => this.#onExit(process, signal ?? `code ${code}`));
  }

  #onExit(process: Process, how: string): void {
    const { clock, random, log, lost } = this.#options;
    this.#processes.delete(process);
    this.#watchdog.end(process);
    this.#metrics.end(process);
    for (const [id, asked] of this.#asked) {
      if (asked.process !== process) continue;
      this.#asked.delete(id);
      asked.resolve(undefined);
    }
    if (this.#stopping || process.replaced) return;
    if (process.isStill) log.info('worker ended', { worker: process.index, how });
    else {
      log.error('worker died', { worker: process.index, how });
      lost?.('died');
    }
    const lived = clock.monotonicMs() - process.startedMs;
    const failures = lived > STABLE_MS ? 0 : (this.#failures[process.index] ?? 0);
    this.#failures[process.index] = failures + 1;
    const again = () => this.#stopping || this.#fork(process.index);
    if (failures === 0) again();
    else clock.after(backoffMs(RESTART, failures, random), again);
  }

  /** Nothing but SIGKILL reaches it. Whoever lost its place is replaced as one that died. */
  #onStill(process: Process, silentMs: number): void {
    const { log, lost } = this.#options;
    const { index, worker } = process;
    log.error('worker stands still and is ended', {
      worker: index,
      pid: worker.process.pid,
      silentMs: Math.round(silentMs),
      next: 'another takes its place; should it happen again, report what it was sent before, with a CPU profile if you can',
    });
    process.isStill = true;
    lost?.('still');
    worker.process.kill('SIGKILL');
  }

  #onMessage(process: Process, message: FromWorker): void {
    this.#watchdog.heard(process, message.kind === 'alive' ? message.isDebugged : undefined);
    switch (message.kind) {
      case 'started':
        process.told = emptySnapshot;
        this.#tell(process);
        return;
      case 'state':
        process.missing = message.missing;
        if (message.missing.length === 0) this.#retire(process);
        return;
      case 'leaving':
        // Its successor is here before it stops; where all leave, it stays until the end.
        if (!this.#leaving && !this.#stopping && !process.replaced) this.#fork(process.index);
        return;
      case 'probe':
        this.#probes.ask(message.probe);
        return;
      case 'answer': {
        const asked = this.#asked.get(message.id);
        this.#asked.delete(message.id);
        asked?.resolve(message.value);
        return;
      }
      case 'told': {
        const { id, portion } = message;
        // Also where nobody waits for the answer any more.
        this.#metrics.told(portion);
        if (id !== undefined) this.#asked.get(id)?.peers.push(...(portion.peers ?? []));
        return;
      }
      case 'catalog':
        this.#onCatalog(process, message);
    }
  }

  /** `process` is ready: whoever had its place may go. */
  #retire(process: Process): void {
    if (process.replaced) return;
    for (const each of this.#processes) {
      if (each.index !== process.index || each === process || each.replaced) continue;
      if (each.startedMs > process.startedMs) continue;
      each.replaced = true;
      this.#send(each, { kind: 'stop', graceMs: REPLACE_GRACE_MS });
    }
  }

  #onCatalog(process: Process, { cluster, trust, line }: FromWorker & { kind: 'catalog' }): void {
    const peer = this.#snapshot?.peers.get(cluster);
    // What was on its way when the Link changed was heard of somebody else.
    if (process.replaced || peer === undefined || peer.trust !== trust) return;
    const known = this.#catalogOf(peer);
    const message = parseCatalogMessage(line);
    if (message === undefined) return;
    known.catalog = applyCatalogMessage(known.catalog, message);
    if (known.catalog !== undefined) known.cell.set(known.catalog);
  }

  #catalogOf({ clusterName, trust }: Peer): PeerCatalog {
    let known = this.#catalogs.get(clusterName);
    if (known === undefined) {
      known = { trust, cell: new CatalogCell(), catalog: undefined };
      this.#catalogs.set(clusterName, known);
    }
    return known;
  }

  #tell(process: Process): void {
    const { told } = process;
    if (told === undefined || this.#snapshot === undefined) return;
    const delta = snapshotDelta(told, this.#snapshot);
    process.told = applySnapshotDelta(told, delta);
    this.#send(process, { kind: 'snapshot', delta });
  }

  /** What comes in portions before the answer is added to `peers`. */
  #ask(process: Process, question: Question, peers: PeerRow[] = []): Promise<unknown> {
    // It is still loading its program, and would be waited for in vain.
    if (process.told === undefined) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#lastId += 1;
    const id = this.#lastId;
    this.#asked.set(id, { process, peers, resolve });
    this.#send(process, { kind: 'ask', id, question });
    const timer = this.#options.clock.after(ANSWER_MS, () => {
      this.#asked.delete(id);
      resolve(undefined);
    });
    return promise.finally(() => timer.cancel());
  }

  #send(process: Process, message: ToWorker): void {
    // A channel that is closed belongs to a worker whose exit is about to be told.
    if (process.worker.isConnected()) process.worker.send(message);
  }
}
