/**
 * The Prometheus registry of a process, with the metrics every component has.
 *
 * Names begin with `isthmus_`; Node's own keep theirs. Only `main.ts` files make a registry; rooms
 * are given the metrics they feed.
 */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { packageVersion } from './package.ts';

/** How often the event loop is asked whether it is late: every 10 ms, as is usual, costs an idle process 1 % of a CPU. */
const LOOP_CHECK_MS = 200;

/** A fresh registry for the component `component`. */
export function createRegistry(component: string): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_CHECK_MS });
  new Gauge({
    name: 'isthmus_build_info',
    help: 'Always 1; the labels say which release of which component this is.',
    labelNames: ['component', 'version'],
    aggregator: 'first',
    registers: [registry],
  }).set({ component, version: packageVersion() }, 1);
  return registry;
}
