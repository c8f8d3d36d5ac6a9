/**
 * What the mirror controller shows to Prometheus.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Action } from './input.ts';
import type { Controller } from './reconcile.ts';

/** Registers the metrics in `registry`; returns what counts actions. */
export function controllerMetrics(
  registry: Registry,
  controller: () => Controller | undefined,
  leading: () => boolean,
): (action: Action, failed: boolean) => void {
  const registers = [registry];
  const actions = new Counter({
    name: 'isthmus_mirror_actions_total',
    help: 'Writes to the API server, by kind of object, verb and outcome.',
    labelNames: ['kind', 'verb', 'outcome'],
    registers,
  });
  new Gauge({
    name: 'isthmus_mirror_leading',
    help: '1 in the replica that writes.',
    registers,
    collect() {
      this.set(leading() ? 1 : 0);
    },
  });
  new Gauge({
    name: 'isthmus_mirror_backlog',
    help: 'Objects waiting to be written, and those whose last write failed.',
    labelNames: ['state'],
    registers,
    collect() {
      const { depth, failing } = controller()?.backlog() ?? { depth: 0, failing: 0 };
      this.set({ state: 'waiting' }, depth);
      this.set({ state: 'failing' }, failing);
    },
  });
  new Gauge({
    name: 'isthmus_mirror_watch_age_seconds',
    help: 'Seconds since the API server last said anything on a watch.',
    labelNames: ['watch'],
    registers,
    collect() {
      for (const [watch, ageMs] of controller()?.watchAges() ?? []) {
        this.set({ watch }, ageMs / 1_000);
      }
    },
  });
  return (action, failed) =>
    actions.inc({ kind: action.kind, verb: action.do, outcome: failed ? 'failed' : 'done' });
}
