/**
 * The mirror controller: `node mirror/main.ts`, one process; of several replicas one writes.
 */
import { trustDomainOf } from '#core/id.ts';
import {
  ADMIN_PORT,
  GATEWAY_ACCOUNT,
  LISTENER_PORT_MAX,
  LISTENER_PORT_MIN,
  MIRROR_ACCOUNT,
  SYSTEM_NAMESPACE,
} from '#core/names.ts';
import { admit } from '#identity/admit.ts';
import { clusterClientOptions } from '#identity/tls.ts';
import { WorkloadIdentity } from '#identity/workload.ts';
import { EventRecorder } from '#kube/events.ts';
import { inClusterClient } from '#kube/in-cluster.ts';
import { leadWhileElected } from '#kube/lease.ts';
import { startAdmin } from '#runtime/admin.ts';
import { type ComponentContext, runComponent } from '#runtime/component.ts';
import { EnvironmentReader } from '#runtime/environment.ts';
import { createRegistry } from '#runtime/metrics.ts';
import { apiServerSettings, identitySettings } from '#runtime/pod.ts';
import { Feed } from './feed.ts';
import { controllerMetrics } from './metrics.ts';
import { Controller } from './reconcile.ts';
import { Replicas } from './replicas.ts';

const DRAIN_MS = 5_000;
const LISTENER_PORTS = { min: LISTENER_PORT_MIN, max: LISTENER_PORT_MAX };

async function main(context: ComponentContext): Promise<void> {
  const { env, clock, random, log, network, signal } = context;
  const reader = new EnvironmentReader(env);
  const cluster = reader.label('ISTHMUS_CLUSTER');
  const podIp = reader.text('ISTHMUS_POD_IP');
  const podName = reader.text('ISTHMUS_POD_NAME');
  const apiServer = apiServerSettings(reader, context);
  const identitySource = identitySettings(reader, context);
  reader.check();

  const trustDomain = trustDomainOf(cluster);
  const namespace = SYSTEM_NAMESPACE;
  const client = inClusterClient({ ...context, ...apiServer });
  const identity = new WorkloadIdentity({
    ...context,
    ...identitySource,
    id: { trustDomain, namespace, serviceAccount: MIRROR_ACCOUNT },
  });
  const registry = createRegistry('mirror');
  let controller: Controller | undefined;
  let leading = false;
  const onAction = controllerMetrics(
    registry,
    () => controller,
    () => leading,
  );
  const admin = await startAdmin({
    address: { host: podIp, port: ADMIN_PORT },
    network,
    metrics: registry,
    unready: () => controller?.unready() ?? (controller ? undefined : 'waiting for a certificate'),
  });
  const replicas = new Replicas({
    network,
    clock,
    tls: () => {
      const credentials = identity.current();
      return { version: credentials, options: clusterClientOptions(credentials) };
    },
    refusal: (socket) => {
      const serviceAccounts = [GATEWAY_ACCOUNT];
      const admission = admit(socket, { trustDomain, namespace, serviceAccounts });
      return admission.admitted ? undefined : admission.reason;
    },
  });
  try {
    await identity.start(signal);
    const component = { component: MIRROR_ACCOUNT, instance: podName };
    const recorder = new EventRecorder({ client, ...component, clock, log });
    const options = { cluster, client, recorder, clock, random, log, onAction };
    const made = new Controller({ ...options, portRange: LISTENER_PORTS });
    controller = made;
    const feed = new Feed({
      replicas: () => replicas.at(made.readyGateways()),
      clock,
      random,
      log,
      onChange: made.changed,
    });
    made.start(feed, signal);
    const polling = feed.poll(signal);
    log.info('started', { cluster });
    const lease = { client, namespace, name: MIRROR_ACCOUNT, holder: podName, clock, log };
    await leadWhileElected(lease, signal, async (term) => {
      leading = true;
      await made.lead(term);
      leading = false;
    });
    await polling;
  } finally {
    admin.close();
    identity.close();
    replicas.close();
    await client.close();
  }
}

runComponent('mirror', main, { drainMs: DRAIN_MS });
