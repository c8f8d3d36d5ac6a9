/**
 * Leader election by a coordination.k8s.io Lease, fenced.
 *
 * Promises that work runs in at most one process: a leader whose renewal has not succeeded within
 * `renewDeadlineMs` is told to stop before its lease can pass to another, by its own monotonic clock. A
 * lease nobody holds, or that its leader released, is taken at once. Clocks of machines are never
 * compared: a foreign lease has expired when it did not change for its duration as seen from here.
 */
import { type Clock, pause } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Logger } from '#core/log.ts';
import type { KubeClient } from './client.ts';
import { leases } from './resources/builtin.ts';
import type { Lease } from './types.ts';

export interface LeaseOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly namespace: string;
  readonly name: string;
  /** Unique per process at any one time: the pod's name. A restart in place takes over at once. */
  readonly holder: string;
  /** After this long without a change anyone may take it. */
  readonly durationMs?: number;
  /** A leader that could not renew for this long stops; must be shorter than `durationMs`. */
  readonly renewDeadlineMs?: number;
  readonly retryMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What was last seen of a foreign lease, and when that last changed. */
interface Observed {
  readonly revision: string;
  readonly atMs: number;
}

/**
 * Campaigns until `signal` aborts, and calls `lead` with a signal that aborts when leadership ends,
 * each time it is won. Gives the lease up when `signal` aborts. `lead` must end soon after its signal.
 */
export async function leadWhileElected(
  options: LeaseOptions,
  signal: AbortSignal,
  lead: (leading: AbortSignal) => Promise<void>,
): Promise<void> {
  const { clock, log, retryMs = 1_500, durationMs = 10_000, renewDeadlineMs = 6_000 } = options;
  if (renewDeadlineMs >= durationMs) throw new RangeError('renewDeadlineMs must be < durationMs');
  let observed: Observed | undefined;
  while (!signal.aborted) {
    try {
      const attemptedAtMs = clock.monotonicMs();
      const outcome = await acquire(options, observed, durationMs);
      observed = outcome.observed;
      if (outcome.lease !== undefined && !signal.aborted) {
        log.info('leading', { lease: options.name });
        await leadOnce(options, outcome.lease, attemptedAtMs, signal, lead);
        observed = undefined;
      }
    } catch (error) {
      if (!signal.aborted) log.warn('the lease was not acquired', { error: describeError(error) });
    }
    await pause(clock, retryMs, signal);
  }
}

async function acquire(
  options: LeaseOptions,
  observed: Observed | undefined,
  durationMs: number,
): Promise<{ readonly lease?: Lease; readonly observed: Observed | undefined }> {
  const { client, namespace, name, holder, clock } = options;
  const found = await client.get(leases, name, namespace);
  if (found === undefined) {
    const lease = await client.create(leases, leaseOf(options, undefined, durationMs));
    return { lease, observed: undefined };
  }
  const held = found.spec.holderIdentity ?? '';
  if (held !== '' && held !== holder) {
    const revision = `${found.metadata.uid}/${found.metadata.resourceVersion}`;
    const nowMs = clock.monotonicMs();
    const seen = observed?.revision === revision ? observed : { revision, atMs: nowMs };
    const expiryMs = (found.spec.leaseDurationSeconds ?? durationMs / 1_000) * 1_000;
    if (nowMs - seen.atMs < expiryMs) return { observed: seen };
  }
  const lease = await client.replace(leases, leaseOf(options, found, durationMs));
  return { lease, observed: undefined };
}

/** Runs `lead` and renews beside it. Resolves when leadership and `lead` have both ended. */
async function leadOnce(
  options: LeaseOptions,
  acquired: Lease,
  acquiredAtMs: number,
  signal: AbortSignal,
  lead: (leading: AbortSignal) => Promise<void>,
): Promise<void> {
  const { clock, log, retryMs = 1_500, durationMs = 10_000, renewDeadlineMs = 6_000 } = options;
  const leading = new AbortController();
  const stop = () => leading.abort(new Error('leadership ended'));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const fence = (fromMs: number) =>
    clock.after(Math.max(0, fromMs + renewDeadlineMs - clock.monotonicMs()), () => {
      log.error('the lease was not renewed in time, leadership ends', { lease: options.name });
      stop();
    });
  let deadline = fence(acquiredAtMs);
  let lease = acquired;
  const work = run(lead, leading.signal, log).finally(stop);
  while (!leading.signal.aborted) {
    await pause(clock, retryMs, leading.signal);
    if (leading.signal.aborted) break;
    const attemptedAtMs = clock.monotonicMs();
    try {
      lease = await options.client.replace(leases, leaseOf(options, lease, durationMs));
      deadline.cancel();
      // Too late an answer renews nothing: `leading` has been aborted by then.
      if (!leading.signal.aborted) deadline = fence(attemptedAtMs);
    } catch (error) {
      log.warn('the lease was not renewed', { error: describeError(error) });
      lease = (await reread(options, lease)) ?? lease;
      if ((lease.spec.holderIdentity ?? '') !== options.holder) stop();
    }
  }
  deadline.cancel();
  signal.removeEventListener('abort', stop);
  await work;
  await release(options, lease, durationMs);
}

async function run(
  lead: (leading: AbortSignal) => Promise<void>,
  leading: AbortSignal,
  log: Logger,
): Promise<void> {
  try {
    await lead(leading);
  } catch (error) {
    if (!leading.aborted) log.error('leading failed', { error: describeError(error) });
  }
}

async function reread(options: LeaseOptions, lease: Lease): Promise<Lease | undefined> {
  try {
    return await options.client.get(leases, lease.metadata.name, lease.metadata.namespace);
  } catch (error) {
    options.log.debug('the lease cannot be read', { error: describeError(error) });
    return undefined;
  }
}

/** Best effort: whoever comes next then need not wait for the lease to expire. */
async function release(options: LeaseOptions, lease: Lease, durationMs: number): Promise<void> {
  if (lease.spec.holderIdentity !== options.holder) return;
  const given = leaseOf(options, lease, durationMs);
  try {
    await options.client.replace(leases, {
      ...given,
      spec: { ...given.spec, holderIdentity: '', leaseDurationSeconds: 1 },
    } as Lease);
  } catch (error) {
    options.log.debug('the lease was not released', { error: describeError(error) });
  }
}

function leaseOf(options: LeaseOptions, found: Lease | undefined, durationMs: number): Lease {
  const { namespace, name, holder, clock } = options;
  // MicroTime wants six digits.
  const now = new Date(clock.wallMs()).toISOString().replace('Z', '000Z');
  const same = found?.spec.holderIdentity === holder;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { ...found?.metadata, name, namespace },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: Math.ceil(durationMs / 1_000),
      acquireTime: (same ? found.spec.acquireTime : undefined) ?? now,
      renewTime: now,
      leaseTransitions: (found?.spec.leaseTransitions ?? 0) + (same || !found ? 0 : 1),
    },
  };
}
