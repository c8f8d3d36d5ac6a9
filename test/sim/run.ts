/**
 * One run of a scenario: its world, its clients, its checks.
 */
import { below, type Random } from '#core/random.ts';
import { TUNING } from '#gateway/balance/tuning.ts';
import { Checks } from './checks.ts';
import { type SimCluster, World } from './cluster.ts';
import { GET, SimExchange } from './exchange.ts';
import { type Seen, Tally } from './tally.ts';

/** Virtual time between two chances for promises to be kept; probes are the only ones. */
const SLICE_MS = 50;

export interface LoadOptions {
  readonly cluster: SimCluster;
  readonly rps: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** When a client gives up. @default 10 s */
  readonly patienceMs?: number;
  /** @default GET */
  readonly head?: SimExchange['head'];
}

export class Run {
  readonly checks = new Checks();
  readonly world: World;
  readonly tally = new Tally();
  readonly random: Random;
  #checking = false;

  constructor(seed: number) {
    this.world = new World(seed, this.checks);
    this.random = this.world.stream();
    this.checks.useClock(() => this.world.clock.monotonicMs());
  }

  /** A number between `from` and `to`. */
  between(from: number, to: number): number {
    return from + this.random.next() * (to - from);
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + below(this.random, to - from + 1);
  }

  /** Milliseconds with a long tail, `mean` in the mean. */
  exponential(meanMs: number, random = this.random): number {
    return -Math.log(1 - random.next()) * meanMs;
  }

  /** Clients that ask independently of each other, `rps` times a second in the mean. */
  load({ cluster, rps, fromMs, toMs, patienceMs = 10_000, head = GET }: LoadOptions): void {
    const { clock } = this.world;
    const random = this.world.stream();
    const next = (atMs: number) => {
      if (atMs >= toMs) return;
      clock.after(atMs - clock.monotonicMs(), () => {
        this.ask(cluster, head, patienceMs);
        next(atMs + this.exponential(1_000 / rps, random));
      });
    };
    next(fromMs);
  }

  /** One request by any gateway of `cluster`. */
  ask(cluster: SimCluster, head: SimExchange['head'], patienceMs: number): void {
    const { clock } = this.world;
    const atMs = clock.monotonicMs();
    let seen: Seen | undefined;
    const add = (ok: boolean) => {
      seen = {
        atMs,
        latencyMs: clock.monotonicMs() - atMs,
        ok,
        by: undefined,
        attempts: 1,
        hedges: 0,
      };
      this.tally.add(seen);
    };
    const exchange = new SimExchange(head, (status, code) => {
      patience.cancel();
      add(code === undefined && status > 0 && status < 500);
    });
    const patience = clock.after(patienceMs, () => {
      add(false);
      exchange.leave();
    });
    cluster.anyGateway().outward(exchange, ({ cluster: by, attempts, hedges }) => {
      if (seen === undefined) return;
      seen.by = by;
      seen.attempts = attempts;
      seen.hedges = hedges;
    });
  }

  /** Lets the world go on until `untilMs`. */
  async until(untilMs: number): Promise<void> {
    const { clock } = this.world;
    if (!this.#checking) {
      this.#checking = true;
      clock.every(TUNING.tickMs, () => this.#check());
    }
    for (let ms = clock.monotonicMs() + SLICE_MS; ms < untilMs; ms += SLICE_MS) {
      clock.runUntil(ms);
      await settled();
    }
    clock.runUntil(untilMs);
    await settled();
  }

  /** A property of this scenario. */
  expect(holds: boolean, what: string): void {
    if (!holds) this.checks.report(what);
  }

  #check(): void {
    for (const { gateways } of this.world.clusters)
      for (const gateway of gateways) this.checks.tick(gateway);
  }
}

/** Promises that wait for nothing else are kept. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
}
