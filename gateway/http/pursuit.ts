/**
 * Getting one request answered: asks one endpoint after the other, and a second one beside a first that is
 * slow, as long as the request may be repeated, time is left and the budgets of the service allow it.
 *
 * Its subclass, the relay, hears of the answer and of the end.
 */
import type { ErrorCode } from '#core/errors.ts';
import type { Endpoint, Outcome } from '../balance/endpoint.ts';
import { withTimeout } from '../resilience/deadline.ts';
import type { Guard } from '../resilience/guard.ts';
import type { Hedgeable, HedgeQueue } from '../resilience/hedge-queue.ts';
import {
  ATTEMPTS_MAX,
  grpcCode,
  isFailure,
  isSafe,
  repeatable,
  worthRepeating,
} from '../resilience/repeat.ts';
import { retryAfterMs } from '../resilience/retry-after.ts';
import { SEEN } from '../wire/seen.ts';
import { Admission } from './admission.ts';
import { AttemptError, asAttemptError, outcomeOf } from './attempt-error.ts';
import type { Attempt, AttemptListener, Exchange, UpstreamRequest } from './exchange.ts';
import type { Hedge, HedgeOwner } from './hedge.ts';
import type { AnswerHead, NeverIndexed, RawHeaders, RequestHead } from './message.ts';
import type { ReplayBuffer } from './replay.ts';
import type { RelayContext, RelayRoute } from './route.ts';
import { TimeLimits, waitMsOf } from './time-limits.ts';

/** How long a cluster is left alone that says it is overloaded. */
const OVERLOADED_MS = 1_000;
/** How often a request that has become slow is looked at again, and how many times. */
const LOOK_MS = 50;
const LOOKS_MAX = 40;

/** See the header of this file. */
export abstract class Pursuit extends Admission implements HedgeOwner, Hedgeable {
  hedgeQueue: HedgeQueue | undefined;
  hedgeDueMs = 0;
  hedgeBefore: Hedgeable | undefined;
  hedgeAfter: Hedgeable | undefined;
  protected readonly opaque: boolean;
  /** Of a request with content. */
  protected readonly replay: ReplayBuffer | undefined;
  protected failure: AttemptError | undefined;
  /** Of the answer that is passed on; 0 before. */
  protected status = 0;
  protected over = false;
  /** How often it was looked at whether another attempt is worth it. */
  #looks = 0;
  /** Whether the budgets refused another attempt beside those under way. */
  #refused = false;
  #limits: TimeLimits | undefined;

  constructor(
    exchange: Exchange,
    head: RequestHead,
    route: RelayRoute,
    guard: Guard,
    context: RelayContext,
    replay: ReplayBuffer | undefined,
  ) {
    super(exchange, head, route, guard, context);
    this.replay = replay;
    this.opaque = head.method === 'CONNECT';
  }

  get listener(): AttemptListener {
    return this;
  }

  abstract onInterim(head: AnswerHead): void;
  abstract onAnswer(head: AnswerHead, end: boolean): void;
  abstract onAnswerBody(bytes: Buffer, from: number, to: number, end: boolean): void;
  abstract onAnswerEnd(trailers: RawHeaders, neverIndexed?: NeverIndexed): void;
  abstract onRequestSent(bytes: number): void;
  abstract onFailed(error: AttemptError): void;

  /** Another attempt begins, which has sent nothing. */
  protected abstract sentNothing(): void;
  /** Answers {@link failure}, or that there is no endpoint; the end of the request. */
  protected abstract refuse(): void;

  /** Starts an attempt, now or when there is room, or answers why none is. */
  begin(): void {
    if (this.#hasTime()) this.enter();
  }

  hedge(nowMs: number): void {
    const { tries } = this;
    const { guard } = tries;
    if (this.over || this.status !== 0 || tries.endpoint === undefined || this.#left() < 1) return;
    const endpoint = tries.pickBeside(nowMs);
    const urgent = tries.explores || tries.isSilent(nowMs);
    if (endpoint !== undefined) {
      if (guard.mayHedge(nowMs, urgent)) this.#askBeside(endpoint, nowMs);
      else this.#refusedHedge();
    }
    // Two may fall silent together, and the budget may have nothing left. But a cluster is known to be silent by what waits there.
    if (this.#looks === LOOKS_MAX) return;
    if (tries.hedge === undefined && tries.endpoint?.kind === 'remote') return;
    this.#looks += 1;
    guard.looking.add(this, nowMs + LOOK_MS, nowMs);
  }

  /** However often it is looked at, it is one that was refused. */
  #refusedHedge(): void {
    if (!this.#refused) this.tries.guard.counts.hedgesRefused += 1;
    this.#refused = true;
  }

  /** A second attempt, or a third in the place of the first. */
  #askBeside(endpoint: Endpoint, nowMs: number): void {
    if (this.tries.hedge !== undefined) {
      this.tries.supersede(nowMs);
      this.promote(nowMs);
    }
    const hedge = this.tries.beginHedge(this, this.head, endpoint, nowMs);
    try {
      hedge.attempt = this.#start(endpoint, hedge, nowMs);
    } catch (error) {
      this.tries.dropHedge(outcomeOf(asAttemptError(error)), nowMs);
    }
  }

  onHedgeAnswer(hedge: Hedge, head: AnswerHead, end: boolean): void {
    const nowMs = this.context.clock.monotonicMs();
    this.heed(hedge.endpoint, head, nowMs);
    if (isFailure(head, grpcCode(head, end))) {
      // The first attempt may still do better.
      this.tries.dropHedge('failure', nowMs);
      return;
    }
    this.tries.supersede(nowMs);
    this.promote(nowMs);
    this.onAnswer(head, end);
  }

  onHedgeFailed(hedge: Hedge, error: AttemptError): void {
    const nowMs = this.context.clock.monotonicMs();
    this.heedError(hedge.endpoint, error, nowMs);
    this.tries.dropHedge(outcomeOf(error), nowMs);
  }

  /** Whether anything is left of the time there is for the request. */
  #hasTime(): boolean {
    const { timeout } = this.tries.guard.settings;
    const waitMs = waitMsOf(this.head, this.route.timeoutMs, timeout);
    if (waitMs === Number.POSITIVE_INFINITY) return true;
    if (waitMs <= 0) {
      this.turnAway('DEADLINE_EXCEEDED', 'no time is left for the request');
      return false;
    }
    // What a TrafficPolicy allows speaks against whoever does not keep to it; what a caller allows may be anything.
    const outcome = waitMs === timeout.requestMs ? 'failure' : 'cancelled';
    this.#limited().limit(this.startedMs, waitMs, () => this.#expire(waitMs, outcome));
    return true;
  }

  #limited(): TimeLimits {
    this.#limits ??= new TimeLimits(this.context.clock);
    return this.#limits;
  }

  /**
   * Asks one endpoint after the other, all but the very first out of the retry budget, until an attempt is under way, or
   * answers why none is.
   */
  protected next(nowMs: number): void {
    const tries = this.tries;
    while (!this.over && (tries.count === 0 || this.#left() >= 1)) {
      const first = tries.count === 0;
      const mayExplore = first && isSafe(this.head) && this.#most() > 1;
      const endpoint = tries.pick(nowMs, mayExplore) ?? this.#again();
      // Where nobody is left to ask, nothing is repeated, and the budget is not spent.
      if (endpoint === undefined || !(first || tries.guard.mayRetry(nowMs))) break;
      const failure = this.#attemptAt(endpoint, nowMs);
      if (failure === undefined) {
        if (mayExplore) this.#hedgeLater(nowMs);
        return;
      }
      this.failure = failure;
      tries.settle(outcomeOf(failure), nowMs);
      if (!this.mayRepeat(failure)) break;
    }
    this.refuse();
  }

  /**
   * Whom to ask again where nobody else is left: a pod that is there, but left the stream unserved when it said goodbye to
   * its connection or had no room in it (RFC 9113 section 8.7).
   */
  #again(): Endpoint | undefined {
    const { failure, tries } = this;
    if (failure?.code !== 'UPSTREAM_RESET' || !failure.neverSent) return undefined;
    return tries.last !== undefined && tries.last.slot >= 0 ? tries.last : undefined;
  }

  /** Begins an attempt at `endpoint`; why it could not begin, if so. */
  #attemptAt(endpoint: Endpoint, nowMs: number): AttemptError | undefined {
    const tries = this.tries;
    tries.begin(endpoint, nowMs);
    this.sentNothing();
    const { attemptMs } = tries.guard.settings.timeout;
    if (attemptMs !== undefined && !this.opaque) this.#watch(attemptMs);
    const waiting = this.waiting;
    if (waiting !== undefined) {
      // It has all that came, and says itself how it went.
      this.waiting = undefined;
      waiting.begin(() => this.#start(endpoint, this, nowMs));
      return undefined;
    }
    try {
      const attempt = this.#start(endpoint, this, nowMs);
      tries.attempt = attempt;
      this.replay?.sendTo(attempt);
      return undefined;
    } catch (error) {
      return asAttemptError(error);
    }
  }

  #start(endpoint: Endpoint, request: UpstreamRequest, nowMs: number): Attempt {
    const route = this.route;
    const leftMs = this.#limits?.leftMs(nowMs);
    if (leftMs !== undefined && (this.head.seen & SEEN.TIMEOUT) !== 0)
      this.head = { ...this.head, headers: withTimeout(this.head.headers, leftMs) };
    return route.start(endpoint, request, this.exchange, this.#left(), leftMs);
  }

  #hedgeLater(nowMs: number): void {
    const { guard, explores } = this.tries;
    const { balancer } = guard;
    // Who is sent to try somebody out always leaves somebody else.
    if (!explores && !balancer.hasChoice) return;
    // An answer that lies here unread must not be taken for a slow one.
    const slackMs = this.context.turns?.slackMs ?? 0;
    const delayMs = explores ? balancer.explorationHedgeMs : balancer.hedgeDelayMs + slackMs;
    if (delayMs >= 0 && this.status === 0 && !this.over)
      guard.hedging.add(this, nowMs + delayMs, nowMs);
  }

  /** Whether `head` is no answer to pass on, because another attempt goes on or begins. */
  protected setsAside(head: AnswerHead, end: boolean, nowMs: number): boolean {
    const tries = this.tries;
    const { endpoint, guard } = tries;
    if (endpoint !== undefined) this.heed(endpoint, head, nowMs);
    if (this.opaque) return false;
    const grpc = grpcCode(head, end);
    const isWorth = worthRepeating(this.head, head, grpc, guard.settings.retry);
    // A TrafficPolicy may want another attempt for what does not speak against the pod, such as 429.
    const failed = isFailure(head, grpc);
    if (!failed && !isWorth) return false;
    const outcome = failed ? 'failure' : 'success';
    if (tries.hedge !== undefined) {
      tries.drop(outcome, nowMs);
      this.promote(nowMs);
      return true;
    }
    if (!isWorth || !this.#canRepeat()) return false;
    const next = tries.pick(nowMs, false);
    if (next === undefined || !guard.mayRetry(nowMs)) return false;
    tries.drop(outcome, nowMs);
    const failure = this.#attemptAt(next, nowMs);
    if (failure !== undefined) {
      this.failure = failure;
      tries.settle(outcomeOf(failure), nowMs);
      if (this.mayRepeat(failure)) this.next(nowMs);
      else this.refuse();
    }
    return true;
  }

  /** The request goes on with its second attempt alone. */
  protected promote(nowMs: number): void {
    this.tries.promote();
    const { attemptMs } = this.tries.guard.settings.timeout;
    if (attemptMs !== undefined) this.#watch(attemptMs, nowMs - this.tries.startMs);
  }

  /** Whoever says when to come back is left alone until then. */
  protected heed(endpoint: Endpoint, head: AnswerHead, nowMs: number): void {
    if (head.status !== 429 && head.status !== 503) return;
    // Of a cluster, one pod says it of itself; its gateway heeds that.
    if (endpoint.kind === 'remote') return;
    const waitMs = retryAfterMs(head.headers, this.context.clock.wallMs());
    if (waitMs <= 0) return;
    const { balancer } = this.tries.guard;
    // Of 429 the reason is whoever asked (RFC 6585 section 4): others are not to lose the pods of their cluster for it.
    if (head.status === 429 && !balancer.sparesAnother(endpoint)) return;
    balancer.penalise(endpoint, nowMs + waitMs);
  }

  /** The same of a gateway; what that tried in vain counts for both of us. */
  protected heedError(endpoint: Endpoint, { code, attempts }: AttemptError, nowMs: number): void {
    this.tries.count += attempts - 1;
    if (code !== 'OVERLOADED') return;
    this.tries.guard.balancer.penalise(endpoint, nowMs + OVERLOADED_MS);
  }

  /** Attempts for this request in all. */
  #most(): number {
    const { attemptsMax } = this.tries.guard.settings.retry;
    return Math.min(this.route.attemptsMax, attemptsMax, ATTEMPTS_MAX);
  }

  #left(): number {
    return Math.max(0, this.#most() - this.tries.count);
  }

  protected mayRepeat(failure: AttemptError): boolean {
    if (!this.#canRepeat()) return this.#replayable() && failure.neverSent && this.#left() >= 1;
    return repeatable(this.head, failure);
  }

  /** Whether what was sent may be sent again by us, as far as that does not depend on how it failed. */
  #canRepeat(): boolean {
    return !this.route.unsentOnly && this.#left() >= 1 && this.#replayable();
  }

  #replayable(): boolean {
    return this.replay === undefined || this.replay.whole;
  }

  #watch(attemptMs: number, waitedMs = 0): void {
    this.#limited().watch(attemptMs - waitedMs, () => {
      if (this.over || this.status !== 0) return;
      this.tries.attempt?.cancel();
      const message = `no answer to an attempt within ${attemptMs} ms`;
      this.onFailed(new AttemptError('DEADLINE_EXCEEDED', message, { neverSent: false }));
    });
  }

  /** An answer is here: from now on both ends keep the time themselves. */
  protected restAssured(): void {
    this.#limits?.end();
    this.hedgeQueue?.remove(this);
    this.leaveCrowd();
  }

  /** The caller waits no longer, and nobody has answered. */
  #expire(timeoutMs: number, outcome: Outcome): void {
    if (this.over || this.status !== 0) return;
    this.tries.drop(outcome, this.context.clock.monotonicMs());
    this.turnAway('DEADLINE_EXCEEDED', `no answer within ${Math.round(timeoutMs)} ms`);
  }

  protected turnAway(code: ErrorCode, message: string): void {
    this.failure = new AttemptError(code, message, { neverSent: false });
    this.refuse();
  }
}
