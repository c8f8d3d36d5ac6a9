/**
 * What a soak breaks: one random fault of the API server or of the way to it, for a random time.
 */
import { below, type Random } from '#core/random.ts';
import type { ApiFaultWish } from '#devcluster/faults/api-fault.ts';
import type { WireFault } from './memory-wire.ts';
import { type Stage, startServer } from './simulate.ts';

/** Longest a fault lasts. */
const FAULT_MS_MAX = 45_000;

/** Breaks something; it ends by itself. */
export function breakSomething(stage: Stage): void {
  const { random, wire, clock } = stage;
  const lastsMs = random.next() ** 2 * FAULT_MS_MAX;
  const kind = below(random, 20);
  if (kind < 12) {
    stage.server.context.faults.inject(apiFaultOf(kind, random), lastsMs / 1_000);
  } else if (kind < 15) {
    wire.cut((['reset', 'mid-line', 'early-end'] as const)[kind - 12] ?? 'reset');
  } else if (kind < 19) {
    const fault: WireFault = (['refused', 'dead', 'dead', 'garbage'] as const)[kind - 15] ?? 'dead';
    heal(stage);
    wire.fault = fault;
    clock.after(lastsMs, () => heal(stage));
  } else restart(stage);
}

/** Ends everything that is broken. */
export function lift(stage: Stage): void {
  heal(stage);
  stage.server.context.faults.liftAll();
}

function heal({ wire }: Stage): void {
  const wasDead = wire.fault === 'dead';
  wire.fault = undefined;
  // What was said while nothing passed is lost, as it is with a connection that died.
  if (wasDead) wire.cut('reset');
}

function apiFaultOf(kind: number, random: Random): ApiFaultWish {
  const share = 0.2 + 0.8 * random.next();
  switch (kind) {
    case 0:
      return { type: 'apiServerErrors', status: 500, share };
    case 1:
      return { type: 'apiServerErrors', status: 503, share };
    case 2:
      return { type: 'apiServerErrors', status: 504, share };
    case 3:
      return { type: 'apiServerErrors', status: 429, share, retryAfterSeconds: below(random, 5) };
    case 4:
      return { type: 'apiServerSlow', delayMs: random.next() ** 2 * 40_000, share };
    case 5:
      return { type: 'apiServerSilent' };
    case 6:
      return { type: 'staleReads' };
    case 7:
      return { type: 'expiredVersions', everyMs: 500 + 5_000 * random.next() };
    case 8:
      return { type: 'expiredVersions' };
    case 9:
      return { type: 'watchCut', everyMs: 50 + 2_000 * random.next() };
    case 10:
      return { type: 'watchCut' };
    default:
      return { type: 'apiServerErrors', status: 500, share, match: { verbs: ['watch'] } };
  }
}

/** The server starts again, empty but for what is created at once: versions are new, history is gone. */
function restart(stage: Stage): void {
  const before = stage.server.context;
  before.faults.liftAll();
  stage.wire.cut('reset');
  const kept = before.store.list('configmaps', 'default');
  stage.server = startServer(stage.clock, stage.random);
  stage.wire.context = stage.server.context;
  const def = stage.server.context.registry.find('', 'v1', 'configmaps');
  for (const { metadata, data } of kept) {
    if (!def || stage.random.next() < 0.1) continue;
    const body = { metadata: { name: metadata.name }, data };
    stage.server.context.objects.create(def, 'default', body, { manager: 'soak' });
  }
  before.watches.close();
}
