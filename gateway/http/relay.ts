/**
 * One request from its head to the last byte of its answer: choose, attempt, try again elsewhere, and
 * pass everything on in both directions. Requests, upgrades and opaque connections alike.
 *
 * Promises: every attempt that began is reported to the balancer exactly once; a client that leaves
 * ends the attempts; an answer cut off upstream is cut off downstream, never made to look whole; fields
 * of the hop and of our own pass in neither direction, trailers included; nothing is repeated beyond
 * what the budgets of the service allow.
 */
import type { Timer } from '#core/clock.ts';
import type { ErrorCode } from '#core/errors.ts';
import type { Endpoint, Outcome } from '../balance/endpoint.ts';
import { timeoutOf, withTimeout } from '../resilience/deadline.ts';
import type { Guard } from '../resilience/guard.ts';
import type { Hedgeable } from '../resilience/hedge-queue.ts';
import type { Waiting } from '../resilience/limiter.ts';
import {
  ATTEMPTS_MAX,
  grpcFailure,
  grpcFailureIn,
  isSafe,
  repeatable,
  worthRepeating,
} from '../resilience/repeat.ts';
import { retryAfterMs } from '../resilience/retry-after.ts';
import { SEEN, seenIn } from '../wire/seen.ts';
import { AttemptError, asAttemptError, outcomeOf } from './attempt-error.ts';
import { Content } from './content.ts';
import { DeferredAttempt } from './deferred.ts';
import type {
  Attempt,
  AttemptListener,
  Exchange,
  ExchangeListener,
  UpstreamRequest,
} from './exchange.ts';
import { endToEnd } from './headers.ts';
import type { Hedge, HedgeOwner } from './hedge.ts';
import type { Holder } from './held.ts';
import type { AnswerHead, RawHeaders, RequestHead } from './message.ts';
import { ReplayBuffer } from './replay.ts';
import { respondError } from './respond.ts';
import type { RelayContext, RelayRoute } from './route.ts';
import { Tries } from './tries.ts';
import { acceptFields } from './websocket.ts';

/** Answers `exchange`, whose head, as it is to be sent on, is `head`. */
export function relay(
  exchange: Exchange,
  head: RequestHead,
  route: RelayRoute,
  context: RelayContext,
): void {
  const { guard } = route;
  if (guard !== undefined) {
    new Relay(exchange, head, route, guard, context).begin();
    return;
  }
  const { service } = route;
  const opaque = head.method === 'CONNECT';
  if (opaque) exchange.abort('NO_ENDPOINT');
  else respondError(exchange, 'NO_ENDPOINT', `no endpoint for ${service}`);
  const nothing = { status: 0, attempts: 0, hedges: 0, cluster: undefined, latencyMs: 0 };
  context.report({ service, code: 'NO_ENDPOINT', opaque, ...nothing });
}

class Relay implements ExchangeListener, HedgeOwner, UpstreamRequest, Holder, Waiting, Hedgeable {
  head: RequestHead;
  hedgeDueMs = 0;
  hedgeBefore: Hedgeable | undefined;
  hedgeAfter: Hedgeable | undefined;
  readonly #exchange: Exchange;
  readonly #route: RelayRoute;
  readonly #context: RelayContext;
  readonly #tries: Tries;
  readonly #content: Content;
  readonly #startedMs: number;
  readonly #opaque: boolean;
  /** Of a request with content. */
  readonly #replay: ReplayBuffer | undefined;
  /** When nobody waits for the answer any more; infinite while nobody says. */
  #deadlineMs = Number.POSITIVE_INFINITY;
  /** Rings at the deadline, and at the end of the time for one attempt. */
  #deadline: Timer | undefined;
  #patience: Timer | undefined;
  /** Stands for the first attempt while the request waits to be let in. */
  #waiting: DeferredAttempt | undefined;
  #inside = false;
  #failure: AttemptError | undefined;
  #status = 0;
  /** Both directions are bytes of another protocol now. */
  #switched = false;
  #grpcFailed = false;
  #requestEnded: boolean;
  #answerEnded = false;
  #over = false;

  constructor(
    exchange: Exchange,
    head: RequestHead,
    route: RelayRoute,
    guard: Guard,
    context: RelayContext,
  ) {
    this.head = head;
    this.#exchange = exchange;
    this.#route = route;
    this.#context = context;
    this.#tries = new Tries(guard);
    this.#content = new Content(context.held, this);
    this.#startedMs = context.clock.monotonicMs();
    this.#opaque = head.method === 'CONNECT';
    this.#requestEnded = head.length === 0 && head.upgrade === '' && !this.#opaque;
    this.#replay = this.#requestEnded ? undefined : new ReplayBuffer();
    exchange.listener = this;
  }

  get listener(): AttemptListener {
    return this;
  }

  /** Starts an attempt, now or when there is room, or answers why none is. */
  begin(): void {
    if (!this.#setDeadline()) return;
    const entry = this.#tries.guard.enter(this, this.#startedMs);
    if (entry === 'admitted') {
      this.#inside = true;
      this.#next(this.#startedMs);
    } else if (entry === 'waiting') {
      this.#waiting = new DeferredAttempt(this);
      this.#tries.attempt = this.#waiting;
    } else {
      const code = entry === 'full' ? 'OVERLOADED' : 'RATE_LIMITED';
      this.#turnAway(code, `${this.#route.service} takes no more requests now`);
    }
  }

  admitted(): void {
    this.#inside = true;
    this.#next(this.#context.clock.monotonicMs());
  }

  expired(): void {
    this.#turnAway('OVERLOADED', `${this.#route.service} has no room for another request`);
  }

  hedge(nowMs: number): void {
    const { guard } = this.#tries;
    const { endpoint: first, startMs } = this.#tries;
    if (this.#over || this.#status !== 0 || first === undefined || this.#left() < 1) return;
    const endpoint = guard.balancer.pickBeside(nowMs, first, nowMs - startMs);
    if (endpoint === undefined || !guard.mayHedge(nowMs)) return;
    const hedge = this.#tries.beginHedge(this, this.head, endpoint, nowMs);
    try {
      hedge.attempt = this.#start(endpoint, hedge, nowMs);
    } catch (error) {
      this.#tries.dropHedge(outcomeOf(asAttemptError(error)), nowMs);
    }
  }

  onHedgeAnswer(hedge: Hedge, head: AnswerHead, end: boolean): void {
    const nowMs = this.#context.clock.monotonicMs();
    this.#heed(hedge.endpoint, head, nowMs);
    if (isFailure(head, end)) {
      // The first attempt may still do better.
      this.#tries.dropHedge('failure', nowMs);
      return;
    }
    this.#tries.drop('superseded', nowMs);
    this.#promote();
    this.onAnswer(head, end);
  }

  onHedgeFailed(_hedge: Hedge, error: AttemptError): void {
    this.#tries.dropHedge(outcomeOf(error), this.#context.clock.monotonicMs());
  }

  onRequestBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.#over) {
      this.#exchange.consumed(to - from);
      return;
    }
    if (end) this.#requestEnded = true;
    this.#content.received(to - from);
    this.#replay?.body(bytes, from, to, end);
    this.#tries.attempt?.body(bytes, from, to, end);
    this.#content.count(this.#over);
    if (end) this.#finishIfDone();
  }

  onRequestEnd(trailers: RawHeaders): void {
    if (this.#over) return;
    this.#requestEnded = true;
    const kept = trailers.length === 0 ? trailers : endToEnd(trailers, seenIn(trailers));
    this.#replay?.end(kept);
    this.#tries.attempt?.end(kept);
    this.#finishIfDone();
  }

  onRequestSent(bytes: number): void {
    const credit = this.#content.sent(bytes);
    if (credit > 0) this.#exchange.consumed(credit);
  }

  onGone(): void {
    // Also after its end.
    this.#letGo();
    if (this.#over) return;
    this.#end(this.#switched ? 'success' : 'cancelled', undefined);
  }

  breakOff(): void {
    this.#letGo();
    if (this.#over) {
      // Its answer is complete, but the client does not read it.
      this.#exchange.abort('OVERLOADED');
      return;
    }
    this.#tries.drop('cancelled', this.#context.clock.monotonicMs());
    if (this.#status === 0) {
      this.#turnAway('OVERLOADED', 'too much content stands still here');
      return;
    }
    this.#over = true;
    this.#exchange.abort('OVERLOADED');
    this.#end('cancelled', 'OVERLOADED');
  }

  onInterim(head: AnswerHead): void {
    if (this.#over || this.#status !== 0) return;
    this.#exchange.interim({ ...head, headers: endToEnd(head.headers, head.seen) });
  }

  onAnswer(head: AnswerHead, end: boolean): void {
    if (this.#over) return;
    const nowMs = this.#context.clock.monotonicMs();
    const tries = this.#tries;
    // How fast a failure comes says nothing good of an endpoint.
    tries.answered(nowMs, end || head.status >= 500);
    if ((head.status >= 429 || end) && this.#setsAside(head, end, nowMs)) return;
    if (tries.hedge !== undefined) tries.dropHedge('superseded', nowMs);
    this.#restAssured();
    this.#status = head.status;
    this.#switched = head.upgrade !== '' || (this.#opaque && head.status < 300);
    this.#replay?.forget();
    const { status, upgrade, length } = head;
    const kept = endToEnd(head.headers, head.seen);
    const headers = upgrade === '' ? kept : acceptFields(this.#exchange.head, kept);
    this.#exchange.answer({ status, headers, upgrade, length }, end);
    if (end) this.#onAnswerEnded();
  }

  onAnswerBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.#over) {
      this.#tries.attempt?.consumed(to - from);
      return;
    }
    this.#content.passed(to - from);
    this.#exchange.body(bytes, from, to, end);
    this.#content.count(this.#over);
    if (end) this.#onAnswerEnded();
  }

  onAnswerEnd(trailers: RawHeaders): void {
    if (this.#over) return;
    this.#grpcFailed = trailers.length > 0 && grpcFailureIn(trailers) >= 0;
    this.#exchange.end(trailers.length === 0 ? trailers : endToEnd(trailers, seenIn(trailers)));
    this.#onAnswerEnded();
  }

  onAnswerSent(bytes: number): void {
    this.#content.left(bytes, this.#over);
    this.#tries.attempt?.consumed(bytes);
  }

  onFailed(error: AttemptError): void {
    if (this.#over) return;
    const nowMs = this.#context.clock.monotonicMs();
    const tries = this.#tries;
    tries.attempt = undefined;
    // What a far gateway tried counts for both of us.
    tries.count += error.attempts - 1;
    if (error.code === 'OVERLOADED' && tries.endpoint !== undefined)
      tries.guard.balancer.penalise(tries.endpoint, nowMs + OVERLOADED_MS);
    tries.settle(this.#switched ? 'success' : outcomeOf(error), nowMs);
    this.#failure = error;
    if (this.#status !== 0) {
      this.#over = true;
      this.#exchange.abort(error.code);
      this.#end('failure', error.code);
    } else if (tries.hedge !== undefined) this.#promote();
    else if (this.#mayRepeat(error) && tries.guard.mayRetry(nowMs)) this.#next(nowMs);
    else this.#refuse();
  }

  /** When the caller gives up, as far as anybody says; false when that is now. */
  #setDeadline(): boolean {
    const { timeoutMs = Number.POSITIVE_INFINITY } = this.#route;
    const asked = (this.head.seen & SEEN.TIMEOUT) === 0 ? undefined : timeoutOf(this.head.headers);
    const { requestMs } = this.#tries.guard.settings.timeout;
    const waitMs = Math.min(
      timeoutMs,
      asked ?? timeoutMs,
      this.#opaque ? timeoutMs : (requestMs ?? timeoutMs),
    );
    if (waitMs === Number.POSITIVE_INFINITY) return true;
    this.#deadlineMs = this.#startedMs + waitMs;
    if (waitMs <= 0) {
      this.#turnAway('DEADLINE_EXCEEDED', 'no time is left for the request');
      return false;
    }
    // What a TrafficPolicy allows speaks against whoever does not keep to it; what a caller allows may be anything.
    const outcome = waitMs === requestMs ? 'failure' : 'cancelled';
    this.#deadline = this.#context.clock.after(waitMs, () => this.#expire(waitMs, outcome));
    return true;
  }

  /** Asks one endpoint after the other until an attempt is under way, or answers why none is. */
  #next(nowMs: number): void {
    const tries = this.#tries;
    while (!this.#over && (tries.count === 0 || this.#left() >= 1)) {
      const first = tries.count === 0;
      const mayExplore = first && isSafe(this.head) && this.#most() > 1;
      const endpoint = tries.pick(nowMs, mayExplore);
      if (endpoint === undefined) break;
      const failure = this.#attemptAt(endpoint, nowMs);
      if (failure === undefined) {
        if (mayExplore) this.#hedgeLater(nowMs);
        return;
      }
      this.#failure = failure;
      tries.settle(outcomeOf(failure), nowMs);
      if (!this.#mayRepeat(failure) || !tries.guard.mayRetry(nowMs)) break;
    }
    this.#refuse();
  }

  /** Begins an attempt at `endpoint`; why it could not begin, if so. */
  #attemptAt(endpoint: Endpoint, nowMs: number): AttemptError | undefined {
    const tries = this.#tries;
    tries.begin(endpoint, nowMs);
    this.#content.again();
    const { attemptMs } = tries.guard.settings.timeout;
    if (attemptMs !== undefined && !this.#opaque) this.#watch(attemptMs);
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      // It has all that came, and says itself how it went.
      this.#waiting = undefined;
      waiting.begin(() => this.#start(endpoint, this, nowMs));
      return undefined;
    }
    try {
      const attempt = this.#start(endpoint, this, nowMs);
      tries.attempt = attempt;
      this.#replay?.sendTo(attempt);
      return undefined;
    } catch (error) {
      return asAttemptError(error);
    }
  }

  #start(endpoint: Endpoint, request: UpstreamRequest, nowMs: number): Attempt {
    const route = this.#route;
    if (this.#deadlineMs === Number.POSITIVE_INFINITY)
      return route.start(endpoint, request, this.#exchange, this.#left(), undefined);
    const leftMs = this.#deadlineMs - nowMs;
    if ((this.head.seen & SEEN.TIMEOUT) !== 0)
      this.head = { ...this.head, headers: withTimeout(this.head.headers, leftMs) };
    return route.start(endpoint, request, this.#exchange, this.#left(), leftMs);
  }

  #hedgeLater(nowMs: number): void {
    const { guard } = this.#tries;
    const { balancer } = guard;
    const delayMs = balancer.explored ? balancer.explorationHedgeMs : balancer.hedgeDelayMs;
    if (delayMs >= 0 && this.#status === 0 && !this.#over)
      guard.hedging.add(this, nowMs + delayMs, nowMs);
  }

  /** Whether `head` is no answer to pass on, because another attempt goes on or begins. */
  #setsAside(head: AnswerHead, end: boolean, nowMs: number): boolean {
    const tries = this.#tries;
    const { endpoint, guard } = tries;
    if (endpoint !== undefined) this.#heed(endpoint, head, nowMs);
    if (this.#opaque || !isFailure(head, end)) return false;
    if (tries.hedge !== undefined) {
      tries.drop('failure', nowMs);
      this.#promote();
      return true;
    }
    const { retry } = guard.settings;
    if (!worthRepeating(this.head, head, end, retry) || !this.#canRepeat()) return false;
    const next = tries.pick(nowMs, false);
    if (next === undefined || !guard.mayRetry(nowMs)) return false;
    tries.drop('failure', nowMs);
    const failure = this.#attemptAt(next, nowMs);
    if (failure !== undefined) {
      this.#failure = failure;
      tries.settle(outcomeOf(failure), nowMs);
      if (this.#mayRepeat(failure) && guard.mayRetry(nowMs)) this.#next(nowMs);
      else this.#refuse();
    }
    return true;
  }

  /** The request goes on with its second attempt alone. */
  #promote(): void {
    this.#tries.promote();
    const { attemptMs } = this.#tries.guard.settings.timeout;
    if (attemptMs !== undefined) this.#watch(attemptMs);
  }

  /** Whoever says when to come back is left alone until then. */
  #heed(endpoint: Endpoint, head: AnswerHead, nowMs: number): void {
    if (head.status !== 429 && head.status !== 503) return;
    // Of a cluster, one pod says it of itself; its gateway heeds that.
    if (endpoint.kind === 'remote') return;
    const waitMs = retryAfterMs(head.headers, this.#context.clock.wallMs());
    if (waitMs > 0) this.#tries.guard.balancer.penalise(endpoint, nowMs + waitMs);
  }

  /** Attempts for this request in all. */
  #most(): number {
    const { attemptsMax } = this.#tries.guard.settings.retry;
    return Math.min(this.#route.attemptsMax, attemptsMax, ATTEMPTS_MAX);
  }

  #left(): number {
    return Math.max(0, this.#most() - this.#tries.count);
  }

  #mayRepeat(failure: AttemptError): boolean {
    if (!this.#canRepeat()) return this.#replayable() && failure.neverSent && this.#left() >= 1;
    return repeatable(this.head, failure);
  }

  /** Whether what was sent may be sent again by us, as far as that does not depend on how it failed. */
  #canRepeat(): boolean {
    return !this.#route.unsentOnly && this.#left() >= 1 && this.#replayable();
  }

  #replayable(): boolean {
    return this.#replay === undefined || this.#replay.whole;
  }

  #watch(attemptMs: number): void {
    this.#patience?.cancel();
    this.#patience = this.#context.clock.after(attemptMs, () => {
      if (this.#over || this.#status !== 0) return;
      this.#tries.attempt?.cancel();
      const message = `no answer to an attempt within ${attemptMs} ms`;
      this.onFailed(new AttemptError('DEADLINE_EXCEEDED', message, { neverSent: false }));
    });
  }

  /** An answer is here: from now on both ends keep the time themselves. */
  #restAssured(): void {
    this.#deadline?.cancel();
    this.#patience?.cancel();
    const { hedging } = this.#tries.guard;
    if (hedging.has(this)) hedging.remove(this);
  }

  /** The caller waits no longer, and nobody has answered. */
  #expire(timeoutMs: number, outcome: Outcome): void {
    if (this.#over || this.#status !== 0) return;
    this.#tries.drop(outcome, this.#context.clock.monotonicMs());
    this.#turnAway('DEADLINE_EXCEEDED', `no answer within ${Math.round(timeoutMs)} ms`);
  }

  #turnAway(code: ErrorCode, message: string): void {
    this.#failure = new AttemptError(code, message, { neverSent: false });
    this.#refuse();
  }

  #refuse(): void {
    const code = this.#failure?.code ?? 'NO_ENDPOINT';
    const message = this.#failure?.message ?? `no endpoint for ${this.#route.service}`;
    if (code === 'INTERNAL') {
      this.#context.log.error('a request failed in the gateway', { error: message });
    }
    this.#over = true;
    if (this.#opaque) this.#exchange.abort(code);
    else respondError(this.#exchange, code, message, this.#requestEnded, this.#tries.count);
    this.#end('cancelled', code);
  }

  /** What the client has not taken of the answer holds nothing back any more. */
  #letGo(): void {
    const unsentBytes = this.#content.letGo(this.#over);
    if (unsentBytes > 0) this.#tries.attempt?.consumed(unsentBytes);
  }

  #onAnswerEnded(): void {
    this.#answerEnded = true;
    this.#finishIfDone();
  }

  /** An answer that is complete ends the request; of a switched connection both directions must end. */
  #finishIfDone(): void {
    if (this.#over || !this.#answerEnded || (this.#switched && !this.#requestEnded)) return;
    this.#over = true;
    if (!this.#requestEnded) {
      this.#tries.attempt?.cancel();
      this.#exchange.discard();
    }
    const failed = this.#status >= 500 || this.#grpcFailed;
    const nowMs = this.#context.clock.monotonicMs();
    this.#tries.settle(failed ? 'failure' : 'success', nowMs);
    this.#close(undefined, nowMs);
  }

  /** Ends what is under way with `outcome`, and the request with it. */
  #end(outcome: Outcome, code: ErrorCode | undefined): void {
    this.#over = true;
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#tries.endpoint !== undefined || this.#waiting !== undefined)
      this.#tries.drop(outcome, nowMs);
    this.#close(code, nowMs);
  }

  #close(code: ErrorCode | undefined, nowMs: number): void {
    const tries = this.#tries;
    const { guard, last } = tries;
    this.#restAssured();
    if (tries.hedge !== undefined) tries.dropHedge('cancelled', nowMs);
    if (this.#inside) guard.limiter.leave();
    else guard.limiter.forget(this);
    this.#content.count(this.#over);
    // An answer of our own is nobody's.
    const answered = code === undefined || (this.#status !== 0 && last !== undefined);
    const by = last?.kind === 'remote' ? last.key : 'local';
    this.#context.report({
      service: this.#route.service,
      status: this.#status,
      code,
      attempts: tries.count,
      hedges: tries.hedges,
      cluster: this.#status === 0 || !answered ? undefined : by,
      latencyMs: nowMs - this.#startedMs,
      opaque: this.#opaque,
    });
  }
}

/** How long a cluster is left alone that says it is overloaded. */
const OVERLOADED_MS = 1_000;

/** Whether an answer speaks against whoever gave it. */
function isFailure(head: AnswerHead, end: boolean): boolean {
  return head.status >= 500 || grpcFailure(head, end) >= 0;
}
