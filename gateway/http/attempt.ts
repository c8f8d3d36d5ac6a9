/**
 * One try at getting a request answered, wherever it goes.
 *
 * Local pods and remote clusters start attempts of the same shape, so that retries (and, later,
 * hedges) need to know nothing of sockets.
 */
import { type ErrorCode, IsthmusError } from '#core/errors.ts';
import type { ReplayableBody } from './body.ts';
import type { Answer, RequestHead } from './message.ts';

/** Why an attempt has no answer. */
export class AttemptError extends IsthmusError {
  /** Whether the request surely never reached an application, so that any method may be repeated. */
  readonly neverSent: boolean;

  constructor(code: ErrorCode, message: string, options: { neverSent: boolean; cause?: unknown }) {
    super(code, message, { cause: options.cause });
    this.name = 'AttemptError';
    this.neverSent = options.neverSent;
  }
}

export interface Attempt {
  /** The bounded, replayable body this attempt sends. */
  readonly body: ReplayableBody;
  /** The head of the answer, or an {@link AttemptError}. */
  readonly answer: Promise<Answer>;
  /** Monotonic milliseconds of the answer's first byte; `undefined` until then. */
  readonly firstByteMs: number | undefined;
  /** Settles once nothing of the attempt is left: true when the whole answer came. Never rejects. */
  readonly completion: Promise<boolean>;
  /** Ends the attempt at once; `answer` rejects with `reason` unless it has come. */
  cancel(reason: AttemptError): void;
}

/** What an upstream is asked to send. */
export interface UpstreamRequest {
  readonly head: RequestHead;
  readonly body: ReplayableBody;
}
