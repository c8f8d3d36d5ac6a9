/**
 * Letting one request in: the limits of its service and the crowd of its source may have it wait first.
 *
 * Promises: what it took, a place among the requests under way and one among those without an answer, is given back
 * once, whenever it ends.
 */
import type { ErrorCode } from '#core/errors.ts';
import type { Queued } from '../resilience/crowd.ts';
import type { Guard } from '../resilience/guard.ts';
import type { Waiting } from '../resilience/limiter.ts';
import { DeferredAttempt } from './deferred.ts';
import type { AttemptListener, Exchange, UpstreamRequest } from './exchange.ts';
import type { RequestHead } from './message.ts';
import type { RelayContext, RelayRoute } from './route.ts';
import { Tries } from './tries.ts';

/** See the header of this file. */
export abstract class Admission implements UpstreamRequest, Waiting, Queued {
  head: RequestHead;
  protected readonly exchange: Exchange;
  protected readonly route: RelayRoute;
  protected readonly context: RelayContext;
  protected readonly tries: Tries;
  protected readonly startedMs: number;
  /** Stands for the first attempt while the request waits to be let in. */
  protected waiting: DeferredAttempt | undefined;
  /** Of the limits of its service. */
  #inside = false;
  /** Of the {@link Crowd} of its source. */
  #place: 'none' | 'queued' | 'unanswered' = 'none';

  constructor(
    exchange: Exchange,
    head: RequestHead,
    route: RelayRoute,
    guard: Guard,
    context: RelayContext,
  ) {
    this.exchange = exchange;
    this.head = head;
    this.route = route;
    this.context = context;
    this.tries = new Tries(guard, context.turns);
    this.startedMs = context.clock.monotonicMs();
  }

  abstract get listener(): AttemptListener;

  /** It is in: the first attempt may begin. */
  protected abstract next(nowMs: number): void;
  /** It is not let in. */
  protected abstract turnAway(code: ErrorCode, message: string): void;

  /** Goes on to {@link next}, now or when there is room, or to {@link turnAway}. */
  protected enter(): void {
    const entry = this.tries.guard.enter(this, this.startedMs);
    if (entry === 'admitted') {
      this.#inside = true;
      this.#set(this.startedMs);
    } else if (entry === 'waiting') {
      this.waiting = new DeferredAttempt(this);
      this.tries.attempt = this.waiting;
    } else {
      const code = entry === 'full' ? 'OVERLOADED' : 'RATE_LIMITED';
      this.turnAway(code, `${this.route.service} takes no more requests now`);
    }
  }

  admitted(): void {
    this.#inside = true;
    this.#set(this.context.clock.monotonicMs());
  }

  expired(): void {
    this.turnAway('OVERLOADED', `${this.route.service} has no room for another request`);
  }

  go(): void {
    this.#place = 'unanswered';
    this.next(this.context.clock.monotonicMs());
  }

  /** Goes, or waits while too many of its source have no answer. */
  #set(nowMs: number): void {
    const { crowd } = this.context;
    const source = this.exchange.address;
    if (crowd !== undefined && source !== undefined) {
      if (!crowd.enter(source, this, nowMs)) {
        this.#place = 'queued';
        this.waiting ??= new DeferredAttempt(this);
        this.tries.attempt = this.waiting;
        return;
      }
      this.#place = 'unanswered';
    }
    this.next(nowMs);
  }

  /** It has an answer, or needs none any more. */
  protected leaveCrowd(): void {
    const place = this.#place;
    if (place === 'none') return;
    this.#place = 'none';
    const source = this.exchange.address ?? '';
    if (place === 'unanswered') this.context.crowd?.leave(source);
    else this.context.crowd?.forget(source, this);
  }

  /** It is over. */
  protected leave(): void {
    const { limiter } = this.tries.guard;
    if (this.#inside) limiter.leave();
    else limiter.forget(this);
  }
}
