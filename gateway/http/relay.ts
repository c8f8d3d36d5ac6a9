/**
 * One request from its head to the last byte of its answer: choose, attempt, try again elsewhere, and
 * pass everything on in both directions. Requests, upgrades and opaque connections alike.
 *
 * Promises: every attempt that began is reported to the balancer exactly once; a client that leaves
 * ends the attempt; an answer cut off upstream is cut off downstream, never made to look whole; fields
 * of the hop and of our own pass in neither direction, trailers included.
 */
import type { Timer } from '#core/clock.ts';
import { describeError, type ErrorCode } from '#core/errors.ts';
import { type Endpoint, NONE_TRIED, type Outcome } from '../balance/endpoint.ts';
import type { ServiceBalancer } from '../balance/service.ts';
import { SEEN, seenIn } from '../wire/seen.ts';
import { AttemptError } from './attempt-error.ts';
import { timeoutOf, withTimeout } from './deadline.ts';
import type {
  Attempt,
  AttemptListener,
  Exchange,
  ExchangeListener,
  UpstreamRequest,
} from './exchange.ts';
import { endToEnd } from './headers.ts';
import type { Holder } from './held.ts';
import type { AnswerHead, RawHeaders, RequestHead } from './message.ts';
import { ReplayBuffer } from './replay.ts';
import { respondError } from './respond.ts';
import { ATTEMPTS_MAX, mayRetry } from './retry.ts';
import type { RelayContext, RelayRoute } from './route.ts';
import { acceptFields } from './websocket.ts';

/** Answers `exchange`, whose head, as it is to be sent on, is `head`. */
export function relay(
  exchange: Exchange,
  head: RequestHead,
  route: RelayRoute,
  context: RelayContext,
): void {
  new Relay(exchange, head, route, context).begin();
}

class Relay implements ExchangeListener, AttemptListener, UpstreamRequest, Holder {
  head: RequestHead;
  readonly #exchange: Exchange;
  readonly #route: RelayRoute;
  readonly #context: RelayContext;
  readonly #startedMs: number;
  readonly #opaque: boolean;
  /** Of a request with content. */
  readonly #replay: ReplayBuffer | undefined;
  /** When the caller gives up; `undefined` while nobody knows. */
  #deadline: { readonly atMs: number; readonly timer: Timer } | undefined;
  #tried: readonly Endpoint[] = NONE_TRIED;
  #attempts = 0;
  #balancer: ServiceBalancer | undefined;
  #endpoint: Endpoint | undefined;
  /** Who was asked last: `local`, or a cluster. */
  #cluster: string | undefined;
  #attempt: Attempt | undefined;
  #attemptMs = 0;
  /** Whether the balancer was told of the head of the answer. */
  #answered = false;
  #firstByteMs = Number.NaN;
  #failure: AttemptError | undefined;
  #status = 0;
  /** Both directions are bytes of another protocol now. */
  #switched = false;
  #requestEnded: boolean;
  #answerEnded = false;
  #over = false;
  /** Of the request's content: what this attempt has sent, and what the client got credit for. */
  #sentBytes = 0;
  #creditedBytes = 0;
  /** Content of the answer that was passed on and has not left. */
  #unsentBytes = 0;
  /** Of the request's content: what came. */
  #receivedBytes = 0;
  /** As told to {@link HeldContent}. */
  #heldBytes = 0;

  constructor(exchange: Exchange, head: RequestHead, route: RelayRoute, context: RelayContext) {
    this.head = head;
    this.#exchange = exchange;
    this.#route = route;
    this.#context = context;
    this.#startedMs = context.clock.monotonicMs();
    this.#opaque = head.method === 'CONNECT';
    this.#requestEnded = head.length === 0 && head.upgrade === '' && !this.#opaque;
    this.#replay = this.#requestEnded ? undefined : new ReplayBuffer();
    exchange.listener = this;
    if ((head.seen & SEEN.TIMEOUT) === 0) return;
    const timeoutMs = timeoutOf(head.headers);
    if (timeoutMs !== undefined) {
      const timer = context.clock.after(timeoutMs, () => this.#expire(timeoutMs));
      this.#deadline = { atMs: this.#startedMs + timeoutMs, timer };
    }
  }

  get listener(): AttemptListener {
    return this;
  }

  /** Starts attempts until one is under way, or answers why none is. */
  begin(): void {
    const { balancer, clock } = this.#context;
    const route = this.#route;
    const most = Math.min(route.attemptsMax, ATTEMPTS_MAX);
    while (!this.#over && this.#attempts < most) {
      const nowMs = this.#attempts === 0 ? this.#startedMs : clock.monotonicMs();
      const service = balancer.service(route.balanceKey);
      const endpoint = service?.pick(nowMs, this.#tried, false);
      if (service === undefined || endpoint === undefined) break;
      this.#tried = this.#attempts === 0 ? [endpoint] : [...this.#tried, endpoint];
      this.#attempts += 1;
      this.#balancer = service;
      this.#endpoint = endpoint;
      this.#answered = false;
      this.#attemptMs = nowMs;
      this.#sentBytes = 0;
      if (this.#deadline !== undefined) {
        const leftMs = this.#deadline.atMs - this.#attemptMs;
        this.head = { ...this.head, headers: withTimeout(this.head.headers, leftMs) };
      }
      service.begin(endpoint, this.#attemptMs);
      try {
        const left = most - this.#attempts;
        this.#attempt = route.start(endpoint, this, this.#exchange, left);
      } catch (error) {
        this.#failure = asAttemptError(error);
        this.#settle(outcomeOf(this.#failure));
        if (this.#mayRetry()) continue;
        break;
      }
      this.#replay?.sendTo(this.#attempt);
      return;
    }
    this.#refuse();
  }

  onRequestBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.#over) {
      this.#exchange.consumed(to - from);
      return;
    }
    if (end) this.#requestEnded = true;
    this.#receivedBytes += to - from;
    this.#replay?.body(bytes, from, to, end);
    this.#attempt?.body(bytes, from, to, end);
    this.#count();
    if (end) this.#finishIfDone();
  }

  onRequestEnd(trailers: RawHeaders): void {
    if (this.#over) return;
    this.#requestEnded = true;
    const kept = trailers.length === 0 ? trailers : endToEnd(trailers, seenIn(trailers));
    this.#replay?.end(kept);
    this.#attempt?.end(kept);
    this.#finishIfDone();
  }

  onRequestSent(bytes: number): void {
    // What an earlier attempt has sent was credited then.
    this.#sentBytes += bytes;
    const credit = this.#sentBytes - this.#creditedBytes;
    if (credit <= 0) return;
    this.#creditedBytes += credit;
    this.#count();
    this.#exchange.consumed(credit);
  }

  onGone(): void {
    // Also after its end.
    this.#letGo();
    if (this.#over) return;
    this.#over = true;
    this.#attempt?.cancel();
    this.#settle(this.#switched ? 'success' : 'cancelled');
    this.#report(undefined);
  }

  breakOff(): void {
    this.#letGo();
    if (this.#over) {
      // Its answer is complete, but the client does not read it.
      this.#exchange.abort('OVERLOADED');
      return;
    }
    this.#attempt?.cancel();
    this.#settle('cancelled');
    this.#failure = new AttemptError('OVERLOADED', 'too much content stands still here', {
      neverSent: false,
    });
    if (this.#status === 0) {
      this.#refuse();
      return;
    }
    this.#over = true;
    this.#exchange.abort('OVERLOADED');
    this.#report('OVERLOADED');
  }

  onInterim(head: AnswerHead): void {
    if (this.#over || this.#status !== 0) return;
    this.#exchange.interim({ ...head, headers: endToEnd(head.headers, head.seen) });
  }

  onAnswer(head: AnswerHead, end: boolean): void {
    if (this.#over) return;
    this.#firstByteMs = this.#context.clock.monotonicMs();
    this.#status = head.status;
    // From here on both ends keep the time themselves.
    this.#deadline?.timer.cancel();
    this.#switched = head.upgrade !== '' || (this.#opaque && head.status < 300);
    this.#replay?.forget();
    const { status, upgrade, length } = head;
    const kept = endToEnd(head.headers, head.seen);
    const headers = upgrade === '' ? kept : acceptFields(this.#exchange.head, kept);
    if (!end && this.#endpoint !== undefined && status < 500) {
      this.#answered = true;
      const latencyMs = this.#firstByteMs - this.#attemptMs;
      this.#balancer?.answered(this.#endpoint, this.#attemptMs, this.#firstByteMs, latencyMs);
    }
    this.#exchange.answer({ status, headers, upgrade, length }, end);
    if (end) this.#onAnswerEnded();
  }

  onAnswerBody(bytes: Buffer, from: number, to: number, end: boolean): void {
    if (this.#over) {
      this.#attempt?.consumed(to - from);
      return;
    }
    this.#unsentBytes += to - from;
    this.#exchange.body(bytes, from, to, end);
    this.#count();
    if (end) this.#onAnswerEnded();
  }

  onAnswerEnd(trailers: RawHeaders): void {
    if (this.#over) return;
    this.#exchange.end(trailers.length === 0 ? trailers : endToEnd(trailers, seenIn(trailers)));
    this.#onAnswerEnded();
  }

  onAnswerSent(bytes: number): void {
    this.#unsentBytes -= bytes;
    this.#count();
    this.#attempt?.consumed(bytes);
  }

  onFailed(error: AttemptError): void {
    if (this.#over) return;
    this.#attempt = undefined;
    this.#failure = error;
    this.#settle(this.#switched ? 'success' : outcomeOf(error));
    if (this.#status === 0) {
      if (this.#mayRetry()) this.begin();
      else this.#refuse();
      return;
    }
    this.#over = true;
    this.#exchange.abort(error.code);
    this.#report(error.code);
  }

  /** Tells what is held now; of a request that is over, only its answer still is. */
  #count(): void {
    const request = this.#over ? 0 : this.#receivedBytes - this.#creditedBytes;
    const now = request + this.#unsentBytes;
    const before = this.#heldBytes;
    if (now === before) return;
    this.#heldBytes = now;
    this.#context.held.change(this, before, now);
  }

  /** What the client has not taken of the answer holds nothing back any more. */
  #letGo(): void {
    this.#attempt?.consumed(this.#unsentBytes);
    this.#unsentBytes = 0;
    this.#creditedBytes = this.#receivedBytes;
    this.#count();
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
      this.#attempt?.cancel();
      this.#exchange.discard();
    }
    const nowMs = this.#context.clock.monotonicMs();
    this.#settle(this.#status >= 500 ? 'failure' : 'success', nowMs);
    this.#report(undefined, nowMs);
  }

  #mayRetry(): boolean {
    const failure = this.#failure as AttemptError;
    const most = Math.min(this.#route.attemptsMax, ATTEMPTS_MAX);
    return mayRetry({
      head: this.head,
      failure,
      attemptsLeft: most - this.#attempts,
      bodyReplayable: this.#replay?.whole !== false,
    });
  }

  /** The caller waits no longer, and nobody has answered. */
  #expire(timeoutMs: number): void {
    if (this.#over || this.#status !== 0) return;
    this.#attempt?.cancel();
    const message = `no answer within ${timeoutMs} ms`;
    this.#failure = new AttemptError('DEADLINE_EXCEEDED', message, { neverSent: false });
    this.#settle('failure');
    this.#refuse();
  }

  #refuse(): void {
    this.#over = true;
    const code = this.#failure?.code ?? 'NO_ENDPOINT';
    const message = this.#failure?.message ?? `no endpoint for ${this.#route.service}`;
    if (code === 'INTERNAL') {
      this.#context.log.error('a request failed in the gateway', { error: message });
    }
    this.#status = 0;
    if (this.#opaque) this.#exchange.abort(code);
    else respondError(this.#exchange, code, message, this.#requestEnded);
    this.#report(code);
  }

  /** Reports the attempt to the balancer, once. */
  #settle(outcome: Outcome, nowMs = this.#context.clock.monotonicMs()): void {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) return;
    this.#endpoint = undefined;
    this.#cluster = endpoint.kind === 'local' ? 'local' : endpoint.key;
    const latencyMs = this.#firstByteMs - this.#attemptMs;
    const startMs = this.#attemptMs;
    this.#balancer?.end(endpoint, startMs, nowMs, outcome, latencyMs, this.#answered);
  }

  #report(code: ErrorCode | undefined, nowMs = this.#context.clock.monotonicMs()): void {
    this.#deadline?.timer.cancel();
    this.#count();
    this.#context.report({
      service: this.#route.service,
      status: this.#status,
      code,
      attempts: this.#attempts,
      cluster: this.#status === 0 ? undefined : this.#cluster,
      latencyMs: nowMs - this.#startedMs,
      opaque: this.#opaque,
    });
  }
}

function outcomeOf(error: AttemptError): Outcome {
  return error.code === 'UPSTREAM_CONNECT' ? 'refused' : 'failure';
}

function asAttemptError(error: unknown): AttemptError {
  if (error instanceof AttemptError) return error;
  return new AttemptError('INTERNAL', describeError(error), { neverSent: false, cause: error });
}
