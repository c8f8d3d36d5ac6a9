/**
 * How old what the gateway knows of its cluster may be, for Prometheus.
 */
import { Gauge, type Registry } from 'prom-client';
import type { WatchAges } from '../snapshot/watch.ts';

/** Registers the age of every watch in `registry`. */
export function watchMetrics(registry: Registry, ages: WatchAges): void {
  new Gauge({
    name: 'isthmus_gateway_watch_age_seconds',
    help: 'Seconds since the API server last said anything on a watch; a sound one is below 30.',
    labelNames: ['watch'],
    registers: [registry],
    collect() {
      for (const [watch, ageMs] of ages()) this.set({ watch }, ageMs / 1_000);
    },
  });
}
