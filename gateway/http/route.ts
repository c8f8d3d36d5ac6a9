/**
 * What a relay needs of its surroundings: who chooses, who starts attempts, who hears how it went.
 */
import type { Clock } from '#core/clock.ts';
import type { ErrorCode } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { Endpoint } from '../balance/endpoint.ts';
import type { Crowd } from '../resilience/crowd.ts';
import type { Guard } from '../resilience/guard.ts';
import type { TurnClock } from '../transport/turn-clock.ts';
import type { Attempt, Exchange, UpstreamRequest } from './exchange.ts';
import type { HeldContent } from './held.ts';

/** What one finished request was like, for metrics. */
export interface RequestReport {
  /** `namespace/name` of the exported Service. */
  readonly service: string;
  /** 0 where no answer was sent. */
  readonly status: number;
  readonly code: ErrorCode | undefined;
  /** All of them, hedges included. */
  readonly attempts: number;
  /** Second attempts beside a slow first one. */
  readonly hedges: number;
  /** `local`, or the cluster that answered; `undefined` when nobody did. */
  readonly cluster: string | undefined;
  readonly latencyMs: number;
  /** Whether it was an opaque connection. */
  readonly opaque: boolean;
}

/** What requests of one gateway and direction share. */
export interface RelayContext {
  readonly clock: Clock;
  /** The same clock where it knows turns of the event loop; else latencies hold what was spent at home. */
  readonly turns?: TurnClock;
  readonly log: Logger;
  /** Of all requests of this gateway. */
  readonly held: HeldContent;
  /** Who of a crowd goes when; else everybody at once. */
  readonly crowd?: Crowd;
  report(report: RequestReport): void;
}

/** Where a request is to go. */
export interface RelayRoute {
  /** `namespace/name` of the exported Service, for metrics. */
  readonly service: string;
  /** Who chooses, and what may be repeated; `undefined` where nobody knows the service any more. */
  readonly guard: Guard | undefined;
  /** Attempts allowed by whoever sent the request here, beside what the service allows. */
  readonly attemptsMax: number;
  /** Whether only what surely reached no application is repeated: somebody before us repeats the rest. */
  readonly unsentOnly: boolean;
  /** Milliseconds the sender still waits for an answer; `undefined` where it did not say. */
  readonly timeoutMs: number | undefined;
  /**
   * Starts an attempt at what the balancer chose; throws an {@link AttemptError} when it cannot. Says
   * nothing to the listener before it has returned. `attemptsLeft`: how many may follow; `leftMs`: how
   * long an answer is waited for, `undefined` as long as it takes.
   */
  start(
    endpoint: Endpoint,
    request: UpstreamRequest,
    exchange: Exchange,
    attemptsLeft: number,
    leftMs: number | undefined,
  ): Attempt;
}
