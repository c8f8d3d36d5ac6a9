/**
 * What a relay needs of its surroundings: who chooses, who starts attempts, who hears how it went.
 */
import type { Clock } from '#core/clock.ts';
import type { ErrorCode } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Balancer } from '../balance/balancer.ts';
import type { Endpoint } from '../balance/endpoint.ts';
import type { Attempt, Exchange, UpstreamRequest } from './exchange.ts';
import type { HeldContent } from './held.ts';

/** What one finished request was like, for metrics. */
export interface RequestReport {
  /** `namespace/name` of the exported Service. */
  readonly service: string;
  /** 0 where no answer was sent. */
  readonly status: number;
  readonly code: ErrorCode | undefined;
  readonly attempts: number;
  /** `local`, or the cluster that answered; `undefined` when nobody did. */
  readonly cluster: string | undefined;
  readonly latencyMs: number;
  /** Whether it was an opaque connection. */
  readonly opaque: boolean;
}

/** What requests of one gateway and direction share. */
export interface RelayContext {
  readonly clock: Clock;
  readonly balancer: Balancer;
  readonly log: Logger;
  /** Of all requests of this gateway. */
  readonly held: HeldContent;
  report(report: RequestReport): void;
}

/** Where a request is to go. */
export interface RelayRoute {
  /** `namespace/name` of the exported Service, for metrics. */
  readonly service: string;
  /** Who chooses; see `balanceKey`. */
  readonly balanceKey: string;
  /** Attempts allowed in all, at most `ATTEMPTS_MAX`. */
  readonly attemptsMax: number;
  /**
   * Starts an attempt at what the balancer chose; throws an {@link AttemptError} when it cannot. Says
   * nothing to the listener before it has returned.
   */
  start(
    endpoint: Endpoint,
    request: UpstreamRequest,
    exchange: Exchange,
    attemptsLeft: number,
  ): Attempt;
}
