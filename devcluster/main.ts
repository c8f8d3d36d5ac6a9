/**
 * One embedded cluster as a process.
 *
 * Environment: `ISTHMUS_CLUSTER` (name), `ISTHMUS_BLOCK` (second byte of its addresses, 10), `ISTHMUS_DIR` (where
 * `kubeconfig` is written, mode 0600), `ISTHMUS_NETWORK`, `ISTHMUS_PARENT=stdin` (end with standard input).
 * Prints one line of JSON on standard output when it serves; ends within a second of SIGTERM or SIGINT.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#core/clock.ts';
import { describeError, IsthmusError } from '#core/errors.ts';
import type { Logger, LogFields } from '#core/log.ts';
import { isLabelName } from '#core/names.ts';
import { loopbackNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { type Cluster, startCluster } from './cluster.ts';

/** A close that takes longer is cut short. */
const CLOSE_MS = 800;

try {
  await main();
} catch (error) {
  const code = error instanceof IsthmusError ? error.code : 'INTERNAL';
  const next = error instanceof IsthmusError ? ` ${error.next}` : '';
  process.stderr.write(`${code}: ${describeError(error)}.${next}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const { env } = process;
  const cluster = env['ISTHMUS_CLUSTER'] ?? 'west';
  if (!isLabelName(cluster)) {
    throw new IsthmusError('INVALID_CONFIG', `ISTHMUS_CLUSTER is no RFC 1123 label: ${cluster}`);
  }
  const block = Number(env['ISTHMUS_BLOCK'] ?? '10');
  if (!Number.isInteger(block) || block < 1 || block > 254) {
    throw new IsthmusError('INVALID_CONFIG', 'ISTHMUS_BLOCK must be a whole number from 1 to 254');
  }
  const directory = env['ISTHMUS_DIR'] ?? '.';
  const running = await startCluster({
    cluster,
    block,
    network: loopbackNetwork,
    clock: systemClock,
    random: systemRandom,
    log: stderrLogger({ cluster }),
  });
  const kubeconfig = join(directory, 'kubeconfig');
  mkdirSync(directory, { recursive: true });
  // A leftover keeps its mode when it is overwritten, so it goes first.
  rmSync(kubeconfig, { force: true });
  writeFileSync(kubeconfig, running.kubeconfigYaml, { mode: 0o600 });
  endWith(running, env['ISTHMUS_PARENT'] === 'stdin');
  const ready = { ready: true, apiServer: running.url, kubeconfig, serviceProxy: true };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

function endWith(running: Cluster, stdin: boolean): void {
  let ending = false;
  const end = () => {
    if (ending) return;
    ending = true;
    systemClock.after(CLOSE_MS, () => process.exit(0));
    running.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.on('SIGHUP', end);
  if (!stdin) return;
  process.stdin.on('end', end);
  process.stdin.on('error', end);
  process.stdin.resume();
}

function stderrLogger(fields: LogFields): Logger {
  const write = (level: string) => (message: string, more?: LogFields) => {
    process.stderr.write(`${JSON.stringify({ level, message, ...fields, ...more })}\n`);
  };
  return {
    debug: () => undefined,
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    with: (more) => stderrLogger({ ...fields, ...more }),
  };
}
