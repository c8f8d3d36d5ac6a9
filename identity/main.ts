/**
 * The identity component: signs certificates for the workloads of its own cluster.
 */
import { trustDomainOf } from '#core/id.ts';
import { listen } from '#core/listen.ts';
import { ADMIN_PORT, IDENTITY_ACCOUNT, IDENTITY_PORT, SYSTEM_NAMESPACE } from '#core/names.ts';
import { inClusterClient } from '#kube/in-cluster.ts';
import { startAdmin } from '#runtime/admin.ts';
import { type ComponentContext, runComponent } from '#runtime/component.ts';
import { EnvironmentReader } from '#runtime/environment.ts';
import { createRegistry } from '#runtime/metrics.ts';
import { apiServerSettings } from '#runtime/pod.ts';
import { runIdentityService } from './service.ts';
import { AuthorityStore, reviewToken } from './store.ts';

/** Requests last 5 s at most, so a drain never needs longer. */
const DRAIN_MS = 8_000;

async function main(context: ComponentContext): Promise<void> {
  const { env, clock, random, log, network, signal } = context;
  const reader = new EnvironmentReader(env);
  const cluster = reader.label('ISTHMUS_CLUSTER');
  const podIp = reader.text('ISTHMUS_POD_IP');
  const apiServer = apiServerSettings(reader, context);
  reader.check();
  const trustDomain = trustDomainOf(cluster);
  const client = inClusterClient({ ...context, ...apiServer });
  const store = new AuthorityStore({ client, trustDomain, clock, log });
  const registry = createRegistry('identity');
  let ready = false;
  const admin = await startAdmin({
    address: { host: podIp, port: ADMIN_PORT },
    network,
    metrics: registry,
    unready: () => (ready ? undefined : 'the signing key is not loaded yet'),
  });
  try {
    await runIdentityService(
      {
        id: { trustDomain, namespace: SYSTEM_NAMESPACE, serviceAccount: IDENTITY_ACCOUNT },
        clock,
        random,
        log,
        registry,
        load: () => store.load(),
        review: (token) => reviewToken(client, token),
        listen: (server) => listen(server, { host: podIp, port: IDENTITY_PORT }, network),
        onReady: () => {
          ready = true;
        },
      },
      signal,
    );
  } finally {
    admin.close();
    await client.close();
  }
}

runComponent('identity', main, { drainMs: DRAIN_MS });
