/**
 * Workers that were lost, for Prometheus.
 */
import { Counter, type Registry } from 'prom-client';

/** How a worker was lost: it ended by itself or somebody killed it, or it stood still and was ended. */
export type Loss = 'died' | 'still';

/** Registers the count in `registry`; what is returned counts one. */
export function lostMetrics(registry: Registry): (how: Loss) => void {
  const lost = new Counter({
    name: 'isthmus_gateway_workers_lost_total',
    help: 'Workers that ended without being told to, by how.',
    labelNames: ['how'],
    registers: [registry],
  });
  // A first one is an increase only where there was a 0.
  for (const how of ['died', 'still']) lost.inc({ how }, 0);
  return (how) => lost.inc({ how });
}
