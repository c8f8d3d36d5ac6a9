/**
 * Readiness of a process: an HTTP GET, as its pod's readinessProbe says.
 *
 * Until the first success it asks every few milliseconds, so that a cluster is ready as soon as its
 * last component is; afterwards at the period of the spec.
 */
import { get } from 'node:http';
import { type Clock, pause } from '#core/clock.ts';
import type { Address, Network } from '#core/network.ts';
import type { Container, Probe } from './pod.ts';

/** Pause between probes until the first success. */
const EAGER_PERIOD_MS = 40;

export interface ProbeOptions {
  readonly container: Container;
  readonly podIp: string;
  readonly network: Network;
  readonly clock: Clock;
  /** Called at every change, never twice in a row with the same value. */
  onChange(ready: boolean): void;
}

/** Probes until `signal` aborts. A container without a probe is ready at once. */
export async function probeReadiness(options: ProbeOptions, signal: AbortSignal): Promise<void> {
  const { container, clock } = options;
  const probe = container.readinessProbe;
  const address = probe && addressOf(probe, container, options.podIp);
  if (!probe || !address) {
    options.onChange(true);
    return;
  }
  let ready = false;
  let everReady = false;
  let failures = 0;
  while (!signal.aborted) {
    const succeeded = await ask(options, probe, address, signal);
    if (signal.aborted) return;
    failures = succeeded ? 0 : failures + 1;
    const now: boolean = succeeded || (ready && failures < probe.failureThreshold);
    if (now !== ready) {
      ready = now;
      options.onChange(ready);
    }
    everReady ||= ready;
    const pauseMs = everReady ? probe.periodSeconds * 1_000 : EAGER_PERIOD_MS;
    await pause(clock, pauseMs, signal);
  }
}

function addressOf(probe: Probe, container: Container, host: string): Address | undefined {
  const wanted = probe.httpGet?.port;
  const port =
    typeof wanted === 'string'
      ? container.ports.find((each) => each.name === wanted)?.containerPort
      : wanted;
  return port === undefined ? undefined : { host, port };
}

/** Whether the answer has a status of 200–399, in time. */
function ask(
  options: ProbeOptions,
  probe: Probe,
  address: Address,
  signal: AbortSignal,
): Promise<boolean> {
  const { host, port } = options.network.locate(address);
  return new Promise((resolve) => {
    const request = get({ host, port, path: probe.httpGet?.path ?? '/', agent: false, signal });
    const timer = options.clock.after(probe.timeoutSeconds * 1_000, () => request.destroy());
    const settle = (answer: boolean) => {
      timer.cancel();
      resolve(answer);
    };
    request.once('response', (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      settle(status >= 200 && status < 400);
    });
    // Refused, reset, timed out: whatever it is, the process is not ready.
    request.once('error', () => settle(false));
    request.once('close', () => settle(false));
  });
}
