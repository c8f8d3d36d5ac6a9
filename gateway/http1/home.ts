/**
 * What a connection to a pod needs of whoever made it: its pool.
 */
import type { Clock } from '#core/clock.ts';
import type { AttemptError } from '../http/attempt-error.ts';
import type { Http1Writer } from '../wire/http1/writer.ts';
import type { Http1Attempt } from './attempt.ts';
import type { Http1ClientConnection } from './client.ts';
import type { Soundings } from './soundings.ts';

/** Where a connection comes from and goes back to. */
export interface ConnectionHome {
  readonly clock: Clock;
  readonly endpoint: string;
  /** Tells whether the pod is still there. */
  readonly soundings: Soundings;
  /** See `AttemptConnection.pressed`. */
  readonly pressed: boolean;
  /** Has nothing to do, and may be used again. */
  onIdle(connection: Http1ClientConnection): void;
  /** Was accepted by the pod. */
  onConnected(connection: Http1ClientConnection): void;
  /** Was not: `error` says why. */
  onRefused(error: AttemptError): void;
  /** Is gone. */
  onGone(connection: Http1ClientConnection): void;
  /** Was closed before a byte of `attempt` was sent; `writer` holds what was written of it. */
  onUnsent(attempt: Http1Attempt, writer: Http1Writer): void;
}
