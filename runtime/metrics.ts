/**
 * The Prometheus registry of a process, with the metrics every component has.
 *
 * Names begin with `isthmus_`; Node's own keep theirs. Only `main.ts` files make a registry; rooms
 * are given the metrics they feed.
 */
import { readdir, stat } from 'node:fs/promises';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { packageVersion } from './package.ts';

/** How often the event loop is asked whether it is late: every 10 ms, as is usual, costs an idle process 1 % of a CPU. */
const LOOP_CHECK_MS = 200;

/** What costs milliseconds of one turn where thousands of sockets are open, and tells no more than the files that are. */
const COSTLY = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
];
const FILES = '/proc/self/fd';

/** A fresh registry for the component `component`. */
export function createRegistry(component: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_CHECK_MS });
  for (const name of COSTLY) registry.removeSingleMetric(name);
  countFiles(registry);
  new Gauge({
    name: 'isthmus_build_info',
    help: 'Always 1; the labels say which release of which component this is.',
    labelNames: ['component', 'version'],
    aggregator: 'first',
    registers: [registry],
  }).set({ component, version: packageVersion() }, 1);
  return registry;
}

/** Open files, where the system tells them: asked without a list of them, which is read in one turn and thrown away. */
function countFiles(registry: Registry): void {
  const name = 'process_open_fds';
  if (registry.getSingleMetric(name) === undefined) return;
  registry.removeSingleMetric(name);
  new Gauge({
    name,
    help: 'Number of open file descriptors.',
    registers: [registry],
    async collect() {
      this.set(await openFiles());
    },
  });
}

async function openFiles(): Promise<number> {
  const { size } = await stat(FILES);
  // Linux before 6.2 does not say it.
  return size > 0 ? size : (await readdir(FILES)).length;
}
