/**
 * The gateway component: `node gateway/main.ts`, one process.
 */
import { randomUUID } from 'node:crypto';
import { sleep } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { trustDomainOf } from '#core/id.ts';
import { GATEWAY_ACCOUNT, SYSTEM_NAMESPACE } from '#core/names.ts';
import { WorkloadIdentity } from '#identity/workload.ts';
import { inClusterClient } from '#kube/in-cluster.ts';
import { type ComponentContext, runComponent } from '#runtime/component.ts';
import { EnvironmentReader } from '#runtime/environment.ts';
import { createRegistry } from '#runtime/metrics.ts';
import { packageVersion } from '#runtime/package.ts';
import { apiServerSettings, identitySettings } from '#runtime/pod.ts';
import { Gateway } from './gateway.ts';
import { parseAdvertise } from './snapshot/advertised.ts';
import { watchSnapshot } from './snapshot/watch.ts';

/** Longest wait for our address to leave the slices, then kube-proxy's time to notice. */
const LEAVE_MS_MAX = 10_000;
const PROXY_MS = 5_000;
/** What is under way may take so long to finish. */
const FINISH_MS = 10_000;
const POLL_MS = 100;

async function main(context: ComponentContext): Promise<void> {
  const { env, clock, random, log, signal } = context;
  const reader = new EnvironmentReader(env);
  const cluster = reader.label('ISTHMUS_CLUSTER');
  const host = reader.text('ISTHMUS_POD_IP');
  const replica = reader.text('ISTHMUS_POD_NAME');
  const advertise = parseAdvertise(reader.text('ISTHMUS_ADVERTISE', 'service'));
  const apiServer = apiServerSettings(reader, context);
  const identitySource = identitySettings(reader, context);
  reader.check();

  const client = inClusterClient({ ...context, ...apiServer });
  const identity = new WorkloadIdentity({
    ...context,
    ...identitySource,
    id: {
      trustDomain: trustDomainOf(cluster),
      namespace: SYSTEM_NAMESPACE,
      serviceAccount: GATEWAY_ACCOUNT,
    },
  });
  await identity.start(signal);
  const gateway = new Gateway({
    ...context,
    cluster,
    replica,
    host,
    version: packageVersion(),
    epoch: randomUUID(),
    registry: createRegistry('gateway'),
    credentials: () => identity.current(),
  });
  await gateway.start();
  const watching = new AbortController();
  watchSnapshot({
    client,
    cluster,
    advertise,
    clock,
    random,
    log,
    signal: watching.signal,
    onSnapshot: (snapshot) => {
      gateway.update(snapshot).catch((error: unknown) => {
        log.error('cannot take over a snapshot', { error: describeError(error) });
      });
    },
  });
  log.info('started', { cluster, host, network: env.ISTHMUS_NETWORK ?? 'identity' });
  await aborted(signal);

  // Leaving: unready, but serving until nobody is sent here any more (DESIGN, "Leaving").
  gateway.leave();
  const deadlineMs = clock.monotonicMs() + LEAVE_MS_MAX;
  while (gateway.snapshot.replicaAddresses.has(host) && clock.monotonicMs() < deadlineMs) {
    await sleep(clock, POLL_MS);
  }
  await sleep(clock, PROXY_MS);
  watching.abort();
  await gateway.stop(FINISH_MS);
  await client.close();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

runComponent('gateway', main);
