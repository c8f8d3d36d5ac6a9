/**
 * A pod of a simulation: how long it takes, how many it serves at once, what is wrong with it.
 */
import type { Clock } from '#core/clock.ts';
import type { Random } from '#core/random.ts';

/** What is wrong with a server. */
export type Health =
  /** Nothing. */
  | 'up'
  /** Nothing listens. */
  | 'refusing'
  /** Connections are accepted and nothing is ever answered. */
  | 'silent'
  /** Every request is answered with 503, at once. */
  | 'failing';

export interface ServerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long one request takes. */
  readonly serviceMs: (random: Random) => number;
  /** Requests served at once, the others wait in order. @default unlimited */
  readonly slots?: number;
  /** Share of requests that is answered well. @default 1 */
  readonly successRate?: number;
}

export class SimServer {
  health: Health = 'up';
  /** How many times longer everything takes. */
  slowness = 1;
  /** Requests that came. */
  asked = 0;
  /** Those being served or waiting, and the most there ever were. */
  load = 0;
  loadMax = 0;
  readonly #options: ServerOptions;
  readonly #queue: ((status: number) => void)[] = [];
  #busy = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /** One request; `done` is told the status. Who leaves meanwhile is served all the same. */
  serve(done: (status: number) => void): void {
    this.asked += 1;
    if (this.health === 'failing') {
      done(503);
      return;
    }
    this.load += 1;
    this.loadMax = Math.max(this.loadMax, this.load);
    if (this.#busy < (this.#options.slots ?? Number.POSITIVE_INFINITY)) this.#work(done);
    else this.#queue.push(done);
  }

  #work(done: (status: number) => void): void {
    const { clock, random, serviceMs, successRate = 1 } = this.#options;
    this.#busy += 1;
    clock.after(serviceMs(random) * this.slowness, () => {
      this.#busy -= 1;
      this.load -= 1;
      const next = this.#queue.shift();
      if (next !== undefined) this.#work(next);
      done(successRate < 1 && random.next() >= successRate ? 500 : 200);
    });
  }
}
