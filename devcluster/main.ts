/**
 * One embedded cluster as a process.
 *
 * Environment: `ISTHMUS_CLUSTER` (name), `ISTHMUS_BLOCK` (second byte of its addresses, 10), `ISTHMUS_DIR` (where
 * `kubeconfig` is written, mode 0600), `ISTHMUS_NETWORK`, `ISTHMUS_KUBERNETES_VERSION` (what it says it is, `1.33`), `ISTHMUS_PARENT=stdin` (end with standard input).
 * Prints one line of JSON on standard output when it serves; ends within a second of being told to.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identityNetwork, loopbackNetwork } from '#core/network.ts';
import { type ComponentContext, runComponent } from '#runtime/component.ts';
import { EnvironmentReader } from '#runtime/environment.ts';
import { DEFAULT_VERSION } from './api/version.ts';
import { startCluster } from './cluster.ts';

/** A close that takes longer is cut short. */
const CLOSE_MS = 800;

runComponent('devcluster', main, { drainMs: CLOSE_MS });

async function main(context: ComponentContext): Promise<void> {
  const { env, clock, random, log, signal } = context;
  const reader = new EnvironmentReader(env);
  const cluster = reader.label('ISTHMUS_CLUSTER', 'west');
  const block = reader.integer('ISTHMUS_BLOCK', { min: 1, max: 254 }, 10);
  const directory = reader.text('ISTHMUS_DIR', '.');
  const kubernetesVersion = reader.text('ISTHMUS_KUBERNETES_VERSION', DEFAULT_VERSION);
  reader.check();
  const network = context.network === identityNetwork ? loopbackNetwork : context.network;
  const running = await startCluster({
    cluster,
    block,
    network,
    clock,
    random,
    log,
    kubernetesVersion,
    directory,
  });
  const kubeconfig = join(directory, 'kubeconfig');
  mkdirSync(directory, { recursive: true });
  // A leftover keeps its mode when it is overwritten, so it goes first.
  rmSync(kubeconfig, { force: true });
  writeFileSync(kubeconfig, running.kubeconfigYaml, { mode: 0o600 });
  const ready = { ready: true, apiServer: running.url, kubeconfig, serviceProxy: true };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  await running.close();
}
