/**
 * One request from its head to the last byte of its answer: choose, attempt, try again elsewhere.
 *
 * Promises: every attempt that began is reported to the balancer exactly once; a client that leaves
 * ends the attempt; an answer cut off upstream is cut off downstream, never made to look whole.
 */
import { pipeline } from 'node:stream/promises';
import type { Clock } from '#core/clock.ts';
import { describeError, type ErrorCode } from '#core/errors.ts';
import type { Balancer } from '../balance/balancer.ts';
import type { Outcome } from '../balance/endpoint.ts';
import type { Choice } from '../balance/service.ts';
import { formatTarget, type Target } from '../snapshot/types.ts';
import { type Attempt, AttemptError, type UpstreamRequest } from './attempt.ts';
import type { Answer, Exchange, RequestHead } from './message.ts';
import { respondError } from './respond.ts';
import { ATTEMPTS_MAX, mayRetry } from './retry.ts';

/** What one finished request was like, for metrics. */
export interface RequestReport {
  readonly target: Target;
  readonly status: number;
  readonly code: ErrorCode | undefined;
  readonly attempts: number;
  /** `local`, or the cluster that answered; `undefined` when nobody did. */
  readonly cluster: string | undefined;
  readonly latencyMs: number;
}

export interface ForwardOptions {
  readonly clock: Clock;
  readonly balancer: Balancer;
  /** Starts an attempt at what the balancer chose; throws an {@link AttemptError} when it cannot. */
  readonly start: (choice: Choice, request: UpstreamRequest, attemptsLeft: number) => Attempt;
  readonly report: (report: RequestReport) => void;
  readonly target: Target;
  /** The mirror the request came in by; `undefined` for one from another cluster. */
  readonly mirror: string | undefined;
  readonly head: RequestHead;
  readonly attemptsMax?: number;
}

/** Answers `exchange`. Never rejects. */
export async function forward(exchange: Exchange, options: ForwardOptions): Promise<void> {
  const { clock, balancer, target, mirror, report } = options;
  const startedMs = clock.monotonicMs();
  const tried = new Set<string>();
  const attemptsMax = Math.min(options.attemptsMax ?? ATTEMPTS_MAX, ATTEMPTS_MAX);
  let failure: AttemptError | undefined;
  let attempts = 0;
  while (attempts < attemptsMax) {
    const choice = balancer.choose(target, mirror, tried);
    if (choice === undefined) break;
    tried.add(choice.endpoint.key);
    attempts += 1;
    const result = await attemptOnce(exchange, choice, options, attemptsMax - attempts);
    if (!(result instanceof AttemptError)) {
      const cluster = choice.kind === 'local' ? 'local' : choice.endpoint.key;
      const latencyMs = clock.monotonicMs() - startedMs;
      report({ target, status: result, code: undefined, attempts, cluster, latencyMs });
      return;
    }
    failure = result;
    const { body } = exchange;
    const clientGone = exchange.gone.aborted;
    const attemptsLeft = attemptsMax - attempts;
    const facts = { head: options.head, failure, attemptsLeft, clientGone };
    if (!mayRetry({ ...facts, bodyReplayable: body.replayable })) break;
  }
  const code = failure?.code ?? 'NO_ENDPOINT';
  const message = failure?.message ?? `no endpoint for ${formatTarget(target)}`;
  if (!exchange.gone.aborted) respondError(exchange, code, message);
  const latencyMs = clock.monotonicMs() - startedMs;
  report({ target, status: 0, code, attempts, cluster: undefined, latencyMs });
}

/** The status that was sent, or why there is none. */
async function attemptOnce(
  exchange: Exchange,
  choice: Choice,
  options: ForwardOptions,
  attemptsLeft: number,
): Promise<number | AttemptError> {
  const { clock, balancer } = options;
  const { endpoint } = choice;
  const startMs = clock.monotonicMs();
  endpoint.begin(startMs);
  let outcome: Outcome = 'cancelled';
  let firstByteMs = Number.NaN;
  let attempt: Attempt | undefined;
  const onGone = () =>
    attempt?.cancel(new AttemptError('SHUTTING_DOWN', 'the client is gone', { neverSent: false }));
  exchange.gone.addEventListener('abort', onGone, { once: true });
  try {
    attempt = options.start(choice, { head: options.head, body: exchange.body }, attemptsLeft);
    const answer = await attempt.answer;
    firstByteMs = attempt.firstByteMs ?? clock.monotonicMs();
    outcome = answer.head.status >= 500 ? 'failure' : 'success';
    if (!(await deliver(exchange, answer)))
      outcome = exchange.gone.aborted ? 'cancelled' : 'failure';
    return answer.head.status;
  } catch (error) {
    const failure = asAttemptError(error);
    // An answer that came but cannot be passed on must not go on arriving.
    attempt?.cancel(failure);
    if (!exchange.gone.aborted)
      outcome = failure.code === 'UPSTREAM_CONNECT' ? 'refused' : 'failure';
    return failure;
  } finally {
    exchange.gone.removeEventListener('abort', onGone);
    balancer.finish(endpoint, startMs, outcome, firstByteMs - startMs);
  }
}

/** Passes the answer on; false when it broke off on the way. */
async function deliver(exchange: Exchange, answer: Answer): Promise<boolean> {
  const sink = exchange.respond(answer.head);
  try {
    await pipeline(answer.body, sink);
    return true;
  } catch {
    // Either side may have broken off; the client must see that the answer is not whole.
    exchange.abort();
    return false;
  } finally {
    exchange.body.discard();
  }
}

function asAttemptError(error: unknown): AttemptError {
  if (error instanceof AttemptError) return error;
  return new AttemptError('INTERNAL', describeError(error), { neverSent: false, cause: error });
}
