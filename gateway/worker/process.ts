/**
 * One worker, seen from the process that started it: what it was told, and how it stands.
 */
import type { Worker } from 'node:cluster';
import { applySnapshotDelta, snapshotDelta } from '../snapshot/delta.ts';
import { emptySnapshot, type Snapshot } from '../snapshot/types.ts';
import type { ToWorker } from './protocol.ts';

export class WorkerProcess {
  /** Which place among the workers it has, or had. */
  readonly index: number;
  /** Monotonic. */
  readonly startedMs: number;
  /** What it said keeps it from being ready; empty when nothing does. */
  missing: readonly string[] = ['starting'];
  /** It serves until it ends, but somebody else has its place. */
  replaced = false;
  /** It was ended because it stood still. */
  isStill = false;
  readonly #worker: Worker;
  /** What it knows; `undefined` until it has asked for it. */
  #told: Snapshot | undefined;

  constructor(index: number, worker: Worker, startedMs: number) {
    this.index = index;
    this.#worker = worker;
    this.startedMs = startedMs;
  }

  /** 0 where none could be started. */
  get pid(): number {
    return this.#worker.process.pid ?? 0;
  }

  /** Whether it has asked for its first snapshot, and hears what it is told. */
  get hasBegun(): boolean {
    return this.#told !== undefined;
  }

  /** It is ready for its first snapshot. */
  begin(): void {
    this.#told = emptySnapshot;
  }

  /** Tells it what `snapshot` has that it does not know yet, once it {@link hasBegun}. */
  tell(snapshot: Snapshot): void {
    if (this.#told === undefined) return;
    const delta = snapshotDelta(this.#told, snapshot);
    this.#told = applySnapshotDelta(this.#told, delta);
    this.send({ kind: 'snapshot', delta });
  }

  send(message: ToWorker): void {
    // A channel that is closed belongs to a worker whose exit is about to be told.
    if (this.#worker.isConnected()) this.#worker.send(message);
  }

  /** Ends it at once, whatever it does. */
  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }

  /** Resolves when it has ended. */
  get ended(): Promise<void> {
    return new Promise((resolve) => this.#worker.once('exit', () => resolve()));
  }
}
