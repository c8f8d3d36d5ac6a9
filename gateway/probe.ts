/**
 * Whether an ejected endpoint is well again, asked outside the picker: by a connection, or by one GET in what
 * the pod speaks, through the same pools as requests.
 */
import type { Clock } from '#core/clock.ts';
import { type Network, parseAddress } from '#core/network.ts';
import type { Probe } from './balance/balancer.ts';
import type { Attempt, AttemptListener } from './http/exchange.ts';
import { type AnswerHead, NO_HEADERS, type RequestHead } from './http/message.ts';
import type { LocalUpstream } from './local.ts';
import { knock } from './transport/knock.ts';

const PROBE_TIMEOUT_MS = 1_000;

/** What a probe needs. */
export interface ProbeContext {
  readonly network: Network;
  readonly clock: Clock;
  readonly local: LocalUpstream;
}

/** Answered within a second; never rejects. A status from 200 to 399 is well, as for Kubernetes. */
export function probeEndpoint(probe: Probe, context: ProbeContext): Promise<boolean> {
  const { address, path } = probe;
  if (path === undefined) return accepts(address, context);
  return answers(probe, path, context);
}

/** Whether a TCP connection to `address` is accepted. */
async function accepts(address: string, { network, clock }: ProbeContext): Promise<boolean> {
  const parsed = parseAddress(address);
  if (!parsed) return false;
  return (await knock(network.locate(parsed), PROBE_TIMEOUT_MS, clock)) === 'accepted';
}

/** Whether GET `path` is answered well. */
function answers(
  { address, protocol }: Probe,
  path: string,
  { clock, local }: ProbeContext,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let attempt: Attempt | undefined;
  let over = false;
  const done = (alive: boolean) => {
    if (over) return;
    over = true;
    timer.cancel();
    attempt?.cancel();
    resolve(alive);
  };
  const timer = clock.after(PROBE_TIMEOUT_MS, () => done(false));
  const ignore = () => undefined;
  const listener: AttemptListener = {
    onInterim: ignore,
    onAnswer: ({ status }: AnswerHead) => done(status >= 200 && status < 400),
    onAnswerBody: ignore,
    onAnswerEnd: ignore,
    onRequestSent: ignore,
    onFailed: () => done(false),
  };
  const head: RequestHead = {
    method: 'GET',
    path,
    authority: address,
    headers: NO_HEADERS,
    seen: 0,
    upgrade: '',
    length: 0,
    version: protocol ?? 'http1',
  };
  try {
    attempt = local.start(address, { head, listener }, protocol);
    // It may have been answered inside the call.
    if (over) attempt.cancel();
  } catch {
    done(false);
  }
  return promise;
}
