/**
 * What workers are asked, and what has come of their answers.
 *
 * Promises: every question is answered, with `undefined` where its worker does not answer in two seconds, ends before, or has not begun.
 */
import type { Clock } from '#core/clock.ts';
import type { PeerRow } from '../metrics/peers.ts';
import type { Portion } from '../metrics/telling.ts';
import type { WorkerProcess } from './process.ts';
import type { Question } from './protocol.ts';

const ANSWER_MS = 2_000;

interface Asked {
  readonly process: WorkerProcess;
  readonly peers: PeerRow[];
  resolve(value: unknown): void;
}

export class Questions {
  readonly #clock: Clock;
  readonly #asked = new Map<number, Asked>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Asks `process`; what it tells of peers before its answer is added to `peers`. */
  ask(process: WorkerProcess, question: Question, peers: PeerRow[] = []): Promise<unknown> {
    // It is still loading its program, and would be waited for in vain.
    if (!process.hasBegun) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#lastId += 1;
    const id = this.#lastId;
    this.#asked.set(id, { process, peers, resolve });
    process.send({ kind: 'ask', id, question });
    const timer = this.#clock.after(ANSWER_MS, () => this.answered(id, undefined));
    return promise.finally(() => timer.cancel());
  }

  /** The answer to question `id` came; nothing happens where nobody waits for it any more. */
  answered(id: number, value: unknown): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    asked?.resolve(value);
  }

  /** A portion came before the answer to question `id`. */
  told(id: number, { peers = [] }: Portion): void {
    this.#asked.get(id)?.peers.push(...peers);
  }

  /** `process` has ended: nothing is to be expected of it. */
  end(process: WorkerProcess): void {
    for (const [id, asked] of this.#asked)
      if (asked.process === process) this.answered(id, undefined);
  }
}
