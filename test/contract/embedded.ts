/**
 * The embedded control plane, for the contract: API server and controllers, no kubelet, no scheduler.
 *
 * The same parts a real control plane has without nodes, so that a case meets both in the same state.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { loopbackNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { startApiServer } from '#devcluster/api-server.ts';
import { runControllers } from '#devcluster/cluster.ts';
import { makeScratch, removeScratch } from './scratch.ts';
import type { Target } from './target.ts';

/** Starts one at a free port; `block` is the second byte of its Services' addresses. */
export async function startEmbedded(name = 'embedded', block = 200): Promise<Target> {
  const server = await startApiServer({
    cluster: name,
    block,
    network: loopbackNetwork,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    address: { host: '127.0.0.1', port: 0 },
    kubernetesVersion: process.env.ISTHMUS_KUBERNETES_VERSION,
  });
  const controllers = runControllers(server, systemRandom);
  const directory = makeScratch('isthmus-contract-');
  const kubeconfig = join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, server.kubeconfigYaml, { mode: 0o600 });
  return {
    name,
    server: server.url,
    ca: server.ca,
    admin: { token: server.adminToken },
    kubeconfig,
    exemptions: ['loopback endpoints'],
    compact() {
      server.store.compact();
      server.context.lists.expire();
      return Promise.resolve();
    },
    async stop() {
      for (const each of controllers) each.close();
      await server.close();
      removeScratch(directory);
    },
  };
}
