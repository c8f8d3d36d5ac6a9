/**
 * A worker process under a watchdog: whatever an input does to it, the job it was given gets its report.
 *
 * A job that does not come back is run again carefully, in a new process. The input that then makes no progress for
 * a second, twice, is a hang; the one that ends the process is a crash. Both are noted, and the job goes on after them.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type FuzzReport, HANG_MS, merge, newReport, note } from './report.ts';
import { ANNOUNCE_FD, type Order } from './worker.ts';

/** A job of the usual size takes a twentieth of a second. */
const JOB_MS = 5_000;
const START_MS = 30_000;

/** How one attempt at an order ended. */
type End =
  | { readonly kind: 'done'; readonly report: FuzzReport }
  | { readonly kind: 'hung' | 'died'; readonly index: number };

/** One worker process at a time; see the header of this file. */
export class WatchedWorker {
  readonly #script: string;
  readonly #jobMs: number;
  #child: ChildProcess | undefined;
  #stopped = false;

  /** Tests have a worker of their own, and less patience. */
  constructor(
    script: string = fileURLToPath(new URL('./worker.ts', import.meta.url)),
    jobMs = JOB_MS,
  ) {
    this.#script = script;
    this.#jobMs = jobMs;
  }

  /** Runs what `order` says; never fails. */
  async run(order: Omit<Order, 'careful'>): Promise<FuzzReport> {
    const first = await this.#attempt({ ...order, careful: false }, this.#jobMs);
    if (first.kind === 'done' || this.#stopped)
      return first.kind === 'done' ? first.report : newReport();
    const report = newReport();
    let suspect = -1;
    for (let from = order.from; from < order.to && !this.#stopped; ) {
      const end = await this.#attempt({ ...order, from, careful: true }, HANG_MS);
      if (end.kind === 'done') {
        merge(report, end.report);
        break;
      }
      const index = Math.max(from, end.index);
      // What came before it is run once more, for its counts were lost with the process.
      if (index > from) merge(report, await this.run({ ...order, from, to: index }));
      from = index;
      if (end.kind === 'hung' && suspect !== index) {
        suspect = index;
        continue;
      }
      const kind = end.kind === 'hung' ? 'hangs' : 'crashes';
      const what = end.kind === 'hung' ? 'does not end' : 'ends the process';
      note(report, kind, { codec: order.codec, index, what, input: 'see --only' });
      report.inputs += 1;
      from += 1;
    }
    return report;
  }

  /** Ends the process; a job under way reports nothing. */
  stop(): void {
    this.#stopped = true;
    this.#kill();
  }

  #kill(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  async #attempt(order: Order, patienceMs: number): Promise<End> {
    const child = this.#child ?? (await this.#start());
    let index = -1;
    const end = await new Promise<End>((resolve) => {
      const late = () => resolve({ kind: 'hung', index });
      let timer = setTimeout(late, patienceMs);
      const announced = child.stdio[ANNOUNCE_FD];
      const onAnnounced = (text: Buffer) => {
        index = Number(text.toString().trimEnd().split('\n').at(-1));
        clearTimeout(timer);
        timer = setTimeout(late, patienceMs);
      };
      const settle = (value: End) => {
        clearTimeout(timer);
        announced?.off('data', onAnnounced);
        resolve(value);
      };
      announced?.on('data', onAnnounced);
      child.once('message', (report: FuzzReport) => settle({ kind: 'done', report }));
      // Its last words may come after its end.
      child.once('close', () => settle({ kind: 'died', index }));
      child.send(order, () => undefined);
    });
    child.removeAllListeners();
    child.on('error', () => undefined);
    if (end.kind !== 'done') this.#kill();
    return end;
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(this.#script, { stdio: ['ignore', 'ignore', 'inherit', 'ipc', 'pipe'] });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      const fail = () => reject(new Error(`the worker ${this.#script} does not start`));
      const timer = setTimeout(fail, START_MS);
      child.once('message', () => {
        clearTimeout(timer);
        resolve();
      });
      child.once('close', () => {
        clearTimeout(timer);
        if (this.#stopped) resolve();
        else fail();
      });
    });
    child.removeAllListeners();
    return child;
  }
}
