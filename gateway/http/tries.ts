/**
 * The attempts at one request: who was asked, who is asked now, and what the balancer hears of it.
 *
 * Promises: every attempt that began ends in the balancer's books exactly once.
 */
import type { Endpoint, Outcome } from '../balance/endpoint.ts';
import type { ServiceBalancer } from '../balance/service.ts';
import type { Guard } from '../resilience/guard.ts';
import type { TurnClock } from '../transport/turn-clock.ts';
import type { Attempt } from './exchange.ts';
import { Hedge, type HedgeOwner } from './hedge.ts';
import type { RequestHead } from './message.ts';

/** Whoever answers nobody for so long, and much longer than usual, has failed who waits there. */
const SILENT_MS = 50;

/** Those asked before the first. */
const NONE: readonly Endpoint[] = [];

export class Tries {
  readonly guard: Guard;
  /** Attempts so far, hedges and what a far gateway repeated included. */
  count = 0;
  hedges = 0;
  /** Whether the first attempt is an exploration. */
  explores = false;
  /** Who is asked now; `undefined` between attempts. */
  endpoint: Endpoint | undefined;
  /** Who was asked last. */
  last: Endpoint | undefined;
  attempt: Attempt | undefined;
  /** When the present attempt began. */
  startMs = 0;
  /** The second attempt beside the present one. */
  hedge: Hedge | undefined;
  readonly #balancer: ServiceBalancer;
  #tried = NONE;
  #answered = false;
  #latencyMs = Number.NaN;
  /** How many others were under way where the present attempt began. */
  #load = 0;
  /** The turn the present attempt began in. */
  #turn = 0;
  readonly #turns: TurnClock | undefined;

  constructor(guard: Guard, turns: TurnClock | undefined) {
    this.guard = guard;
    this.#turns = turns;
    this.#balancer = guard.balancer;
  }

  /** Who would be asked next. `mayExplore`: the request can be hedged. */
  pick(nowMs: number, mayExplore: boolean): Endpoint | undefined {
    // Ages count without what may lie here unread.
    const slackMs = this.#turns?.slackMs ?? 0;
    const endpoint = this.#balancer.pick(nowMs - slackMs, this.#tried, mayExplore);
    if (mayExplore) this.explores = this.#balancer.explored;
    return endpoint;
  }

  /**
   * Who would be asked beside those asked now; nobody, where that is not worth it yet. Two at once are enough unless
   * both have fallen silent.
   */
  pickBeside(nowMs: number): Endpoint | undefined {
    const { endpoint, hedge } = this;
    if (endpoint === undefined) return undefined;
    const balancer = this.#balancer;
    const waitedMs = nowMs - this.startMs;
    if (hedge === undefined) return balancer.pickBeside(nowMs, [endpoint], waitedMs);
    const silent = this.isSilent(nowMs) && balancer.isSilent(hedge.endpoint, hedge.startMs, nowMs);
    return silent ? balancer.pickBeside(nowMs, this.#tried, waitedMs) : undefined;
  }

  /** An attempt at `endpoint` begins; whoever was asked before has been {@link settle}d. */
  begin(endpoint: Endpoint, nowMs: number): void {
    this.#tried = this.count === 0 ? [endpoint] : [...this.#tried, endpoint];
    this.count += 1;
    this.endpoint = endpoint;
    this.last = endpoint;
    this.startMs = nowMs;
    this.#answered = false;
    this.#latencyMs = Number.NaN;
    this.#turn = this.#turns?.turn ?? 0;
    this.#load = this.#balancer.begin(endpoint, nowMs);
  }

  /** The head of the answer came; unless `end`, more follows. */
  answered(nowMs: number, end: boolean): void {
    const sentMs = this.#turns?.sentMs(this.#turn, this.startMs) ?? this.startMs;
    this.#latencyMs = Math.max(0, nowMs - sentMs);
    if (end || this.endpoint === undefined) return;
    this.#answered = true;
    const { endpoint, startMs } = this;
    this.#balancer.answered(endpoint, startMs, nowMs, this.#latencyMs, this.#load);
  }

  /** The present attempt is over, in the balancer's books. */
  settle(outcome: Outcome, nowMs: number): void {
    const { endpoint, startMs } = this;
    if (endpoint === undefined) return;
    this.endpoint = undefined;
    const latencyMs = this.#latencyMs;
    this.#balancer.end(endpoint, startMs, nowMs, outcome, latencyMs, this.#answered, this.#load);
  }

  /** Whether nobody was answered for long where the present attempt waits. */
  isSilent(nowMs: number): boolean {
    const { endpoint, startMs } = this;
    if (endpoint === undefined || nowMs - startMs < SILENT_MS) return false;
    return this.#balancer.isSilent(endpoint, startMs, nowMs);
  }

  /**
   * Ends the present attempt in favour of another. That it was slower says little; but where nobody has been answered
   * for so long, nobody will be, and others must not be sent there because nothing waits there any more.
   */
  supersede(nowMs: number): void {
    this.drop(this.isSilent(nowMs) ? 'failure' : 'superseded', nowMs);
  }

  /** Ends the present attempt, whose answer nobody wants, with `outcome`. */
  drop(outcome: Outcome, nowMs: number): void {
    const { attempt } = this;
    this.attempt = undefined;
    attempt?.cancel();
    this.settle(outcome, nowMs);
  }

  /** Notes the beginning of a second attempt at `endpoint`; whoever calls starts it. */
  beginHedge(owner: HedgeOwner, head: RequestHead, endpoint: Endpoint, nowMs: number): Hedge {
    this.#tried = [...this.#tried, endpoint];
    this.count += 1;
    this.hedges += 1;
    const turn = this.#turns?.turn ?? 0;
    const hedge = new Hedge(owner, head, endpoint, nowMs, turn);
    this.hedge = hedge;
    hedge.load = this.#balancer.begin(endpoint, nowMs);
    return hedge;
  }

  /** Ends the second attempt, where there is one. */
  dropHedge(outcome: Outcome, nowMs: number): void {
    const { hedge } = this;
    if (hedge === undefined) return;
    this.hedge = undefined;
    hedge.attempt?.cancel();
    const latencyMs = outcome === 'failure' ? nowMs - hedge.startMs : Number.NaN;
    this.#balancer.end(hedge.endpoint, hedge.startMs, nowMs, outcome, latencyMs, false);
  }

  /** The second attempt takes the place of the present one, which has been settled. */
  promote(): void {
    const { hedge } = this;
    if (hedge === undefined) return;
    this.hedge = undefined;
    hedge.take();
    this.attempt = hedge.attempt;
    this.endpoint = hedge.endpoint;
    this.last = hedge.endpoint;
    this.startMs = hedge.startMs;
    this.#answered = false;
    this.#latencyMs = Number.NaN;
    this.#load = hedge.load;
    this.#turn = hedge.turn;
  }
}
