/**
 * The processes of the workers: as many places as there are to be workers, and in each a process that begins, is replaced when it leaves
 * or stands still, and is started again when it dies.
 *
 * They share each listening socket (node:cluster without its scheduler): what waits in its queue is
 * lost with no worker, and a new one is there before an old one stops accepting.
 */
import cluster from 'node:cluster';
import { backoffMs } from '#core/backoff.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/log.ts';
import type { Random } from '#core/random.ts';
import type { Loss } from '../metrics/lost.ts';
import { WORKER_ENVIRONMENT, WORKER_FLAGS } from './flags.ts';
import { WorkerProcess } from './process.ts';
import { type FromWorker, WORKER_INDEX } from './protocol.ts';
import { isStopped } from './stopped.ts';
import { Watchdog } from './watchdog.ts';

const RESTART = { firstMs: 50, maxMs: 5_000 };
/** A worker that lived so long died for a new reason. */
const STABLE_MS = 10_000;
/** What a worker that is replaced may take to end its last requests. */
const REPLACE_GRACE_MS = 10_000;

/** What the processes need to know. */
export interface ProcessesOptions {
  /** The program of a worker, a file for node. */
  readonly program: string;
  readonly count: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** After what silence a worker is taken to stand still; see `Watchdog`. */
  readonly stillMs?: number | undefined;
  /** After what silence one that has said nothing yet is. */
  readonly firstWordMs?: number | undefined;
  /** Whether node holds each until a debugger lets its program begin. @default false */
  readonly awaitDebugger?: boolean;
  /** A worker was lost. */
  readonly lost?: (how: Loss) => void;
}

/** Who hears of them. */
export interface ProcessesOwner {
  /** `worker` said something that is not about itself. */
  heard(worker: WorkerProcess, message: FromWorker): void;
  /** `worker` has ended. */
  ended(worker: WorkerProcess): void;
}

export class Processes {
  readonly #options: ProcessesOptions;
  readonly #owner: ProcessesOwner;
  /** Oldest first. */
  readonly #all = new Set<WorkerProcess>();
  readonly #failures: number[];
  readonly #watchdog: Watchdog<WorkerProcess>;
  #leaving = false;
  #stopping = false;

  /** None is there before {@link start}. */
  constructor(options: ProcessesOptions, owner: ProcessesOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#failures = Array<number>(options.count).fill(0);
    this.#watchdog = new Watchdog({
      clock: options.clock,
      stillMs: options.stillMs,
      firstWordMs: options.firstWordMs,
      isStopped: ({ pid }) => isStopped(pid),
      standsStill: (worker, silentMs) => this.#onStill(worker, silentMs),
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

  /** Starts one for each place. */
  start(): void {
    for (let index = 0; index < this.#options.count; index += 1) this.#fork(index);
  }

  /** All of them, those included that are replaced and have not ended; oldest first. */
  all(): Iterable<WorkerProcess> {
    return this.#all;
  }

  /** Those that have a place, by its index; while one is succeeded two have it. */
  get holders(): readonly WorkerProcess[] {
    return [...this.#all].filter(({ replaced }) => !replaced).toSorted((a, b) => a.index - b.index);
  }

  /** Whether `worker` speaks for its place: whoever had it before does until it is ready. */
  speaks(worker: WorkerProcess): boolean {
    for (const each of this.#all)
      if (each.index === worker.index && !each.replaced) return each === worker;
    return false;
  }

  /** What is missing in each place where nobody is ready. */
  get missing(): readonly string[] {
    const missing: string[] = [];
    for (let index = 0; index < this.#options.count; index += 1) {
      const all = [...this.#all].filter((each) => each.index === index);
      if (all.some((each) => each.missing.length === 0)) continue;
      const why = all.at(-1)?.missing.join(', ') ?? 'not running';
      missing.push(`worker ${index}: ${why}`);
    }
    return missing;
  }

  /** Unready from now on, but still serving. */
  leave(): void {
    this.#leaving = true;
    for (const each of this.#all) each.send({ kind: 'leave' });
  }

  /** Ends them; resolves when they are gone, at the latest a second after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#watchdog.close();
    const gone = [...this.#all].map(({ ended }) => ended);
    for (const each of this.#all) each.send({ kind: 'stop', graceMs });
    const timer = this.#options.clock.after(graceMs + 1_000, () => {
      for (const each of this.#all) each.kill();
    });
    await Promise.all(gone);
    timer.cancel();
  }

  #fork(index: number): void {
    const { clock, log, awaitDebugger } = this.#options;
    const forked = cluster.fork({
      ...WORKER_ENVIRONMENT,
      [WORKER_INDEX]: String(index),
      ISTHMUS_PARENT: 'none',
    });
    const worker = new WorkerProcess(index, forked, clock.monotonicMs());
    this.#all.add(worker);
    this.#watchdog.begun(worker, awaitDebugger);
    forked.on('message', (message: FromWorker) => this.#onMessage(worker, message));
    forked.on('error', ({ message: error }) => {
      // Where the system starts no process no end of one is told either.
      if (worker.pid === 0) this.#onExit(worker, `cannot be started: ${error}`);
      else log.warn('worker channel failed', { error });
    });
    forked.once('exit', (code, signal) => this.#onExit(worker, signal ?? `code ${code}`));
  }

  #onMessage(worker: WorkerProcess, message: FromWorker): void {
    this.#watchdog.heard(worker, message.kind === 'alive' ? message.isDebugged : undefined);
    switch (message.kind) {
      case 'alive':
        return;
      case 'state':
        worker.missing = message.missing;
        if (message.missing.length === 0) this.#retire(worker);
        return;
      case 'leaving':
        // Its successor is here before it stops; where all leave, it stays until the end.
        if (!this.#leaving && !this.#stopping && !worker.replaced) this.#fork(worker.index);
        return;
      default:
        this.#owner.heard(worker, message);
    }
  }

  /** `worker` is ready: whoever had its place may go. */
  #retire(worker: WorkerProcess): void {
    // Some of what it said may be read only after its end.
    if (worker.replaced || !this.#all.has(worker)) return;
    for (const each of this.#all) {
      // From here on they are younger.
      if (each === worker) return;
      if (each.index !== worker.index || each.replaced) continue;
      each.replaced = true;
      each.send({ kind: 'stop', graceMs: REPLACE_GRACE_MS });
    }
  }

  #onExit(worker: WorkerProcess, how: string): void {
    const { clock, random, log, lost } = this.#options;
    this.#all.delete(worker);
    this.#watchdog.end(worker);
    this.#owner.ended(worker);
    if (this.#stopping || worker.replaced) return;
    if (worker.isStill) log.info('worker ended', { worker: worker.index, how });
    else {
      log.error('worker died', { worker: worker.index, how });
      lost?.('died');
    }
    const lived = clock.monotonicMs() - worker.startedMs;
    const failures = lived > STABLE_MS ? 0 : (this.#failures[worker.index] ?? 0);
    this.#failures[worker.index] = failures + 1;
    if (failures === 0) this.#again(worker);
    else clock.after(backoffMs(RESTART, failures, random), () => this.#again(worker));
  }

  /** Starts another in the place of `gone`, unless its successor was started before. */
  #again({ index, startedMs }: WorkerProcess): void {
    const isSucceeded = this.holders.some(
      (each) => each.index === index && each.startedMs > startedMs,
    );
    if (!this.#stopping && !isSucceeded) this.#fork(index);
  }

  /** Nothing but SIGKILL reaches it. Whoever lost its place is replaced as one that died. */
  #onStill(worker: WorkerProcess, silentMs: number): void {
    const { log, lost } = this.#options;
    const { index, pid, hasBegun } = worker;
    const again = hasBegun
      ? 'report what it was sent before, with a CPU profile if you can'
      : 'it stands still while it starts: look whether the machine lets its processes run';
    log.error('worker stands still and is ended', {
      worker: index,
      pid,
      silentMs: Math.round(silentMs),
      next: `another takes its place; should it happen again, ${again}`,
    });
    worker.isStill = true;
    lost?.('still');
    worker.kill();
  }
}
