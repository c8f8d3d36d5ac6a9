/**
 * The gateway component: `node gateway/main.ts`. This process watches the API server, compiles, answers
 * the admin port and looks after the workers (`worker/main.ts`), which carry the traffic.
 */
import { sleep } from '#core/clock.ts';
import { componentId } from '#core/id.ts';
import { ADMIN_PORT, GATEWAY_ACCOUNT } from '#core/names.ts';
import { WorkloadIdentity } from '#identity/workload.ts';
import { inClusterClient } from '#kube/in-cluster.ts';
import { type ComponentContext, runComponent } from '#runtime/component.ts';
import { EnvironmentReader } from '#runtime/environment.ts';
import { createRegistry } from '#runtime/metrics.ts';
import { programPath } from '#runtime/package.ts';
import { apiServerSettings, identitySettings } from '#runtime/pod.ts';
import { serveAdmin } from './admin/port.ts';
import { type BalancerReport, type LinkReport, mergeLinks } from './admin/report.ts';
import { LocalUpstream } from './local.ts';
import { lostMetrics } from './metrics/lost.ts';
import { watchMetrics } from './metrics/watches.ts';
import { probeEndpoint } from './probe.ts';
import { parseAdvertise } from './snapshot/advertised.ts';
import { watchSnapshot } from './snapshot/watch.ts';
import { HTTP2_LIMITS } from './wire/http2/limits.ts';
import { WORKERS, WORKERS_MAX } from './worker/protocol.ts';
import { Supervisor } from './worker/supervisor.ts';

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
  const advertise = parseAdvertise(reader.text('ISTHMUS_ADVERTISE', 'service'));
  const workers = reader.integer(WORKERS, { min: 1, max: WORKERS_MAX }, 1);
  const apiServer = apiServerSettings(reader, context);
  const identitySource = identitySettings(reader, context);
  reader.check();

  const client = inClusterClient({ ...context, ...apiServer });
  const identity = new WorkloadIdentity({
    ...context,
    ...identitySource,
    id: componentId(cluster, GATEWAY_ACCOUNT),
  });
  const registry = createRegistry('gateway');
  // For probes alone: this process carries no traffic.
  const local = new LocalUpstream({ ...context, renewAtStreamId: HTTP2_LIMITS.renewAtStreamId });
  const supervisor = new Supervisor({
    ...context,
    program: programPath('gateway/worker/main'),
    count: workers,
    probe: (probe) => probeEndpoint(probe, { ...context, local }),
    lost: lostMetrics(registry),
    awaitDebugger: /--inspect-(brk|wait)\b/.test(`${process.execArgv} ${env.NODE_OPTIONS}`),
  });
  let certified = false;
  let leaving = false;
  // Before anything is waited for: who cannot be asked whether it lives is ended by the kubelet.
  const server = await serveAdmin({
    address: { host, port: ADMIN_PORT },
    network: context.network,
    clock,
    cluster,
    credentials: () => identity.current(),
    notReady: () => {
      if (leaving) return ['leaving'];
      return certified ? supervisor.notReady() : ['certificate'];
    },
    links: async () => mergeLinks((await supervisor.ask({ about: 'links' })) as LinkReport[][]),
    services: async () => {
      const answers = (await supervisor.ask({ about: 'services' })) as string[][];
      return [...new Set(answers.flat())].sort();
    },
    balancers: async (service) => {
      const answers = await supervisor.ask({ about: 'balancer', service });
      return (answers as BalancerReport[][]).flat();
    },
    catalog: (name) => supervisor.catalog(name),
    metrics: async () => supervisor.metrics(await registry.getMetricsAsJSON()),
  });
  await identity.start(signal);
  certified = true;
  supervisor.start();
  let ready: ReadonlySet<string> = new Set();
  const watching = new AbortController();
  const watchAges = watchSnapshot({
    client,
    cluster,
    advertise,
    clock,
    random,
    log,
    signal: watching.signal,
    onSnapshot: (snapshot) => {
      ready = snapshot.readyAddresses;
      supervisor.update(snapshot);
    },
  });
  watchMetrics(registry, watchAges);
  log.info('started', { cluster, host, workers, network: env.ISTHMUS_NETWORK ?? 'identity' });
  await aborted(signal);

  // Leaving: unready, but serving until nobody is sent here any more (DESIGN, "Leaving").
  leaving = true;
  supervisor.leave();
  const deadlineMs = clock.monotonicMs() + LEAVE_MS_MAX;
  while (ready.has(host) && clock.monotonicMs() < deadlineMs) {
    await sleep(clock, POLL_MS);
  }
  await sleep(clock, PROXY_MS);
  watching.abort();
  await supervisor.stop(FINISH_MS);
  local.close();
  server.close();
  await client.close();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

runComponent('gateway', main);
