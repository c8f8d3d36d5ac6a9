/**
 * What stands between the requests for one service and its endpoints: the balancer, the budgets, the
 * limits. One for each balancer, shared by all its requests in this process.
 */
import type { Clock } from '#core/clock.ts';
import type { Balancer } from '../balance/balancer.ts';
import type { ServiceBalancer } from '../balance/service.ts';
import type { TrafficSettings } from '../snapshot/traffic.ts';
import { Budget } from './budget.ts';
import { HedgeQueue } from './hedge-queue.ts';
import { type Entry, Limiter, type Waiting } from './limiter.ts';

/** So long after its service has gone, and the last count, nobody asks a guard any more. */
const CLOSED_MS = 60_000;

/** Second attempts at requests for one service that the budgets allowed and refused. */
export interface BudgetCounts {
  retriesAllowed: number;
  retriesRefused: number;
  hedgesAllowed: number;
  hedgesRefused: number;
}

export class Guard {
  readonly balancer: ServiceBalancer;
  /** Since they were last told. */
  readonly counts = noCounts();
  readonly retries = new Budget();
  readonly hedges = new Budget();
  readonly limiter: Limiter;
  /** Requests whose first attempt may become slow. */
  readonly hedging: HedgeQueue;
  /** Those that had become slow and are looked at again; apart, for in either queue all wait equally long. */
  readonly looking: HedgeQueue;

  constructor(balancer: ServiceBalancer, clock: Clock) {
    this.balancer = balancer;
    this.limiter = new Limiter(balancer.settings.limits, clock);
    this.hedging = new HedgeQueue(clock);
    this.looking = new HedgeQueue(clock);
  }

  get settings(): TrafficSettings {
    return this.balancer.settings;
  }

  /** A request came: what it allows for is counted, and it is let in, or not. */
  enter(who: Waiting, nowMs: number): Entry {
    const { retry, hedge, limits } = this.balancer.settings;
    this.limiter.update(limits);
    const entry = this.limiter.enter(who, nowMs);
    if (entry === 'full' || entry === 'tooMany') return entry;
    this.retries.deposit(retry.budgetShare, nowMs);
    this.hedges.deposit(hedge.budgetShare, nowMs);
    return entry;
  }

  /** Takes a repetition after a failure, where one is left. */
  mayRetry(nowMs: number): boolean {
    const allowed = this.retries.take(this.balancer.settings.retry.budgetPerSecond, nowMs);
    if (allowed) this.counts.retriesAllowed += 1;
    else this.counts.retriesRefused += 1;
    return allowed;
  }

  /**
   * Takes an attempt beside another, where both budgets have one left; `urgent`, beside an exploration or at a silent
   * endpoint, of the retry budget alone: none of those must wait because much else is slow. Where a TrafficPolicy
   * wants no hedges there are none. A refusal is for whoever asks to count: the same request may ask again.
   */
  mayHedge(nowMs: number, urgent: boolean): boolean {
    const { retry, hedge } = this.balancer.settings;
    const { budgetPerSecond } = retry;
    const allowed =
      this.retries.left(budgetPerSecond, nowMs) >= 1 &&
      ((urgent && hedge.budgetShare > 0) || this.hedges.take(0, nowMs)) &&
      this.retries.take(budgetPerSecond, nowMs);
    if (allowed) this.counts.hedgesAllowed += 1;
    return allowed;
  }
}

function noCounts(): BudgetCounts {
  return { retriesAllowed: 0, retriesRefused: 0, hedgesAllowed: 0, hedgesRefused: 0 };
}

/** A guard of which nobody may have heard yet. */
interface Counting {
  readonly guard: Guard;
  /** When it last had something to tell; `undefined` before the first time. */
  toldMs: number | undefined;
}

/** The guards of a gateway, by what `balanceKey` makes. */
export class Guards {
  readonly #balancer: Balancer;
  readonly #clock: Clock;
  readonly #known = new WeakMap<ServiceBalancer, Guard>();
  readonly #counting = new Set<Counting>();

  constructor(balancer: Balancer, clock: Clock) {
    this.#balancer = balancer;
    this.#clock = clock;
  }

  /** The guard of `key`; `undefined` where no snapshot knows it. Whoever keeps it asks again once its balancer is closed. */
  of(key: string): Guard | undefined {
    const balancer = this.#balancer.service(key);
    if (balancer === undefined) return undefined;
    let guard = this.#known.get(balancer);
    if (guard === undefined) {
      guard = new Guard(balancer, this.#clock);
      this.#known.set(balancer, guard);
      this.#counting.add({ guard, toldMs: undefined });
    }
    return guard;
  }

  /**
   * What budgets allowed and refused since this was last asked, by `namespace/name` of the exported Service, which may have several
   * guards: each begins anew when it is taken. `undefined`: a guard that has nothing to tell.
   */
  *take(nowMs: number): Generator<({ readonly service: string } & BudgetCounts) | undefined> {
    for (const counting of this.#counting) {
      const { balancer, counts } = counting.guard;
      const { toldMs } = counting;
      if (toldMs !== undefined && !hasCounted(counts)) {
        // What is under way for a service that has gone may still want a second attempt.
        if (balancer.closed && nowMs - toldMs >= CLOSED_MS) this.#counting.delete(counting);
        yield undefined;
        continue;
      }
      counting.toldMs = nowMs;
      const row = { service: balancer.name, ...counts };
      Object.assign(counts, noCounts());
      yield row;
    }
  }
}

function hasCounted(counts: BudgetCounts): boolean {
  const { retriesAllowed, retriesRefused, hedgesAllowed, hedgesRefused } = counts;
  return retriesAllowed + retriesRefused + hedgesAllowed + hedgesRefused > 0;
}
