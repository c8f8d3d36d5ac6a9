/**
 * One request from its head to the last byte of its answer: whoever answers it (`pursuit.ts`), everything
 * is passed on in both directions. Requests, upgrades and opaque connections alike.
 *
 * Promises: every attempt that began is reported to the balancer exactly once; a client that leaves
 * ends the attempts; an answer cut off upstream is cut off downstream, never made to look whole; fields
 * of the hop and of our own pass in neither direction, trailers included.
 */
import type { ErrorCode } from '#core/errors.ts';
import type { Outcome } from '../balance/endpoint.ts';
import type { Guard } from '../resilience/guard.ts';
import { grpcCodeIn, isGrpcFailure } from '../resilience/repeat.ts';
import { answerEnded } from '../transport/company.ts';
import { SEEN, seenIn } from '../wire/seen.ts';
import { type AttemptError, outcomeOf } from './attempt-error.ts';
import { Content } from './content.ts';
import type { Exchange, ExchangeListener } from './exchange.ts';
import { answerHeaders, endToEnd } from './headers.ts';
import type { Holder } from './held.ts';
import type { AnswerHead, NeverIndexed, RawHeaders, RequestHead } from './message.ts';
import { Pursuit } from './pursuit.ts';
import { ReplayBuffer } from './replay.ts';
import { respondError } from './respond.ts';
import type { RelayContext, RelayRoute } from './route.ts';
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
  let status = 0;
  if (opaque) exchange.abort('NO_ENDPOINT');
  else status = respondError(exchange, 'NO_ENDPOINT', `no endpoint for ${service}`);
  const nothing = { status, attempts: 0, hedges: 0, cluster: undefined, latencyMs: 0 };
  context.report({ service, code: 'NO_ENDPOINT', opaque, ...nothing });
}

class Relay extends Pursuit implements ExchangeListener, Holder {
  readonly #content: Content;
  /** Both directions are bytes of another protocol now. */
  #switched = false;
  #grpcFailed = false;
  #requestEnded: boolean;
  #answerEnded = false;

  constructor(
    exchange: Exchange,
    head: RequestHead,
    route: RelayRoute,
    guard: Guard,
    context: RelayContext,
  ) {
    const ended = head.length === 0 && head.upgrade === '' && head.method !== 'CONNECT';
    super(exchange, head, route, guard, context, ended ? undefined : new ReplayBuffer());
    this.#content = new Content(context.held, this);
    this.#requestEnded = ended;
    exchange.listener = this;
  }

  onRequestBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.over) {
      this.exchange.consumed(to - from);
      return;
    }
    if (end) this.#requestEnded = true;
    this.#content.received(to - from);
    this.replay?.body(bytes, from, to, end);
    this.tries.attempt?.body(bytes, from, to, end);
    this.#content.count(this.over);
    if (end) this.#finishIfDone();
  }

  onRequestEnd(trailers: RawHeaders, neverIndexed?: NeverIndexed): void {
    if (this.over) return;
    this.#requestEnded = true;
    const kept = trailers.length === 0 ? trailers : endToEnd(trailers, seenIn(trailers));
    this.replay?.end(kept, neverIndexed);
    this.tries.attempt?.end(kept, neverIndexed);
    this.#finishIfDone();
  }

  onRequestSent(bytes: number): void {
    const credit = this.#content.sent(bytes);
    if (credit === 0) return;
    this.#moved(credit);
    this.exchange.consumed(credit);
  }

  onGone(): void {
    // Also after its end.
    this.#letGo();
    if (this.over) return;
    this.#end(this.#switched ? 'success' : 'cancelled', undefined);
  }

  holdsMore(bytes: number): void {
    const { address } = this.exchange;
    if (address !== undefined) this.context.crowd?.hold(address, bytes);
  }

  breakOff(): void {
    this.#letGo();
    if (this.over) {
      // Its answer is complete, but the client does not read it.
      this.exchange.abort('OVERLOADED');
      return;
    }
    this.tries.drop('cancelled', this.context.clock.monotonicMs());
    // To a gateway that asked us OVERLOADED says that nobody was sent anything, and a pod may have had a part.
    if (this.status === 0 && !this.route.unsentOnly) {
      this.turnAway('OVERLOADED', 'too much content stands still here');
      return;
    }
    this.over = true;
    this.exchange.abort('OVERLOADED');
    this.#end('cancelled', 'OVERLOADED');
  }

  onInterim(head: AnswerHead): void {
    if (this.over || this.status !== 0) return;
    this.exchange.interim({ ...head, headers: answerHeaders(head.headers, head.seen) });
  }

  onAnswer(head: AnswerHead, end: boolean): void {
    if (this.over) return;
    const nowMs = this.context.clock.monotonicMs();
    const tries = this.tries;
    // How fast a failure comes says nothing good of an endpoint.
    tries.answered(nowMs, end || head.status >= 500);
    if ((head.status >= 400 || end) && this.setsAside(head, end, nowMs)) return;
    if (this.#wouldSwitch(head)) {
      tries.drop('success', nowMs);
      const asked = this.head.upgrade;
      this.turnAway('UPSTREAM_PROTOCOL', `the answer is ${head.status}, not a switch to ${asked}`);
      return;
    }
    if (tries.hedge !== undefined) tries.dropHedge('superseded', nowMs);
    this.restAssured();
    this.status = head.status;
    this.#switched = head.upgrade !== '' || (this.opaque && head.status < 300);
    this.replay?.forget();
    const { status, upgrade, length, neverIndexed } = head;
    const kept = answerHeaders(head.headers, head.seen);
    const headers = upgrade === '' ? kept : acceptFields(this.exchange.head, kept);
    const dated = (head.seen & SEEN.DATE) !== 0;
    this.exchange.answer({ status, headers, upgrade, length, dated, neverIndexed }, end);
    if (end) this.#onAnswerEnded();
  }

  onAnswerBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.over) {
      this.tries.attempt?.consumed(to - from);
      return;
    }
    this.#content.passed(to - from);
    this.exchange.body(bytes, from, to, end);
    this.#content.count(this.over);
    if (end) this.#onAnswerEnded();
  }

  crowded(): boolean {
    return !this.over && this.exchange.crowded?.() === true;
  }

  onAnswerEnd(trailers: RawHeaders, neverIndexed?: NeverIndexed): void {
    if (this.over) return;
    this.#grpcFailed = trailers.length > 0 && isGrpcFailure(grpcCodeIn(trailers));
    const kept = trailers.length === 0 ? trailers : answerHeaders(trailers, seenIn(trailers));
    this.exchange.end(kept, neverIndexed);
    this.#onAnswerEnded();
  }

  onAnswerSent(bytes: number): void {
    this.#content.left(bytes, this.over);
    this.#moved(bytes);
    this.tries.attempt?.consumed(bytes);
  }

  onFailed(error: AttemptError): void {
    if (this.over) return;
    const nowMs = this.context.clock.monotonicMs();
    const tries = this.tries;
    tries.attempt = undefined;
    if (tries.endpoint !== undefined) this.heedError(tries.endpoint, error, nowMs);
    tries.settle(this.#switched ? 'success' : outcomeOf(error), nowMs);
    this.failure = error;
    if (this.status !== 0) {
      this.over = true;
      this.exchange.abort(error.code);
      this.#end('failure', error.code);
    } else if (tries.hedge !== undefined) this.promote(nowMs);
    else if (this.mayRepeat(error)) this.next(nowMs);
    else this.refuse();
  }

  protected override sentNothing(): void {
    this.#content.again();
  }

  protected override refuse(): void {
    const code = this.failure?.code ?? 'NO_ENDPOINT';
    const message = this.failure?.message ?? `no endpoint for ${this.route.service}`;
    if (code === 'INTERNAL') {
      this.context.log.error('a request failed in the gateway', { error: message });
    }
    this.over = true;
    let status = 0;
    if (this.opaque) this.exchange.abort(code);
    else status = respondError(this.exchange, code, message, this.#requestEnded, this.tries.count);
    this.#end('cancelled', code, status);
  }

  /** Whether a client of HTTP/2 would take an answer for a switch that is none: it knows 101 by no other sign (RFC 8441 section 5). */
  #wouldSwitch({ status, upgrade }: AnswerHead): boolean {
    if (this.head.upgrade === '' || upgrade !== '' || status < 200 || status >= 300) return false;
    // Gateways tell each other in a field of their own.
    return this.exchange.head.version === 'http2' && !this.route.unsentOnly;
  }

  /** `bytes` of either content were taken. */
  #moved(bytes: number): void {
    const { address } = this.exchange;
    if (address !== undefined) this.context.crowd?.left(address, bytes);
  }

  /** What the client has not taken of the answer holds nothing back any more. */
  #letGo(): void {
    const unsentBytes = this.#content.letGo(this.over);
    if (unsentBytes > 0) this.tries.attempt?.consumed(unsentBytes);
  }

  #onAnswerEnded(): void {
    this.#answerEnded = true;
    this.#finishIfDone();
  }

  /** An answer that is complete ends the request; of a switched connection both directions must end. */
  #finishIfDone(): void {
    if (this.over || !this.#answerEnded || (this.#switched && !this.#requestEnded)) return;
    this.over = true;
    if (!this.#requestEnded) {
      this.tries.attempt?.cancel();
      this.exchange.discard();
    }
    const failed = this.status >= 500 || this.#grpcFailed;
    const nowMs = this.context.clock.monotonicMs();
    this.tries.settle(failed ? 'failure' : 'success', nowMs);
    if (!this.opaque) answerEnded(this.#content.answerBytes);
    this.#close(undefined, nowMs);
  }

  /** Ends what is under way with `outcome`, and the request with it. */
  #end(outcome: Outcome, code: ErrorCode | undefined, status = this.status): void {
    this.over = true;
    const nowMs = this.context.clock.monotonicMs();
    if (this.tries.endpoint !== undefined || this.waiting !== undefined)
      this.tries.drop(outcome, nowMs);
    this.#close(code, nowMs, status);
  }

  /** Tells that it is over; `status` is that of our own answer where there was no other. */
  #close(code: ErrorCode | undefined, nowMs: number, status = this.status): void {
    const tries = this.tries;
    const { last } = tries;
    this.restAssured();
    if (tries.hedge !== undefined) tries.dropHedge('cancelled', nowMs);
    this.leave();
    this.#content.count(this.over);
    // An answer of our own is nobody's.
    const answered = code === undefined || (this.status !== 0 && last !== undefined);
    const by = last?.kind === 'remote' ? last.key : 'local';
    this.context.report({
      service: this.route.service,
      status,
      code,
      attempts: tries.count,
      hedges: tries.hedges,
      cluster: this.status === 0 || !answered ? undefined : by,
      latencyMs: nowMs - this.startedMs,
      opaque: this.opaque,
    });
  }
}
