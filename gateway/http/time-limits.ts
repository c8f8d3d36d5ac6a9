/**
 * How long a request is waited for: in all, and for each attempt at it. Only requests that have a limit have one of these.
 */
import type { Clock, Timer } from '#core/clock.ts';
import { timeoutOf } from '../resilience/deadline.ts';
import type { TimeoutSettings } from '../snapshot/traffic.ts';
import { SEEN } from '../wire/seen.ts';
import type { RequestHead } from './message.ts';

/**
 * How long an answer to `head` is waited for, in ms, infinite where nobody says: by the gateway that sent it here, by a
 * caller of gRPC, by the service's own settings (which opaque connections have no use for).
 */
export function waitMsOf(
  head: RequestHead,
  senderMs: number | undefined,
  settings: TimeoutSettings,
): number {
  const { seen, headers, method } = head;
  const callerMs = (seen & SEEN.TIMEOUT) === 0 ? undefined : timeoutOf(headers);
  const ownMs = method === 'CONNECT' ? undefined : settings.requestMs;
  return Math.min(senderMs ?? FOREVER, callerMs ?? FOREVER, ownMs ?? FOREVER);
}

const FOREVER = Number.POSITIVE_INFINITY;

export class TimeLimits {
  readonly #clock: Clock;
  /** When nobody waits for the answer any more. */
  #deadlineMs = FOREVER;
  #whole: Timer | undefined;
  #attempt: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The request began at `startMs` and may take `waitMs`; then `expire` is called. */
  limit(startMs: number, waitMs: number, expire: () => void): void {
    this.#deadlineMs = startMs + waitMs;
    this.#whole = this.#clock.after(waitMs, expire);
  }

  /** An attempt begins, which may take `attemptMs`; no earlier one is watched any more. */
  watch(attemptMs: number, expire: () => void): void {
    this.#attempt?.cancel();
    this.#attempt = this.#clock.after(attemptMs, expire);
  }

  /** What is left at `nowMs`; `undefined`: as long as it takes. */
  leftMs(nowMs: number): number | undefined {
    return this.#deadlineMs === FOREVER ? undefined : this.#deadlineMs - nowMs;
  }

  /** Nothing expires any more. */
  end(): void {
    this.#whole?.cancel();
    this.#attempt?.cancel();
  }
}
