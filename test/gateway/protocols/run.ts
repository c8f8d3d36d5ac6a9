/**
 * Runs cases against a place: one test each, with a deadline, and everything it opened closed after it.
 */
import { type TestContext, test } from 'node:test';
import { missing } from '#test/support/tools.ts';
import type { TestCluster } from '../world.ts';
import type { Backend } from './backend.ts';
import type { Case, Target } from './case.ts';
import { type Linked, listenerPortOf, startLinked } from './linked.ts';
import { PORTS, type PodName, versionOf } from './ports.ts';

const TIMEOUT_MS = 8_000;

type Place = Pick<Target, 'host' | 'port' | 'gateway' | 'cluster'>;

/** The pod itself. */
export function podPlace(each: Case, backend: Backend): Place {
  const pod: PodName = each.direct ?? PORTS[each.port].pods[0];
  return { host: '127.0.0.1', port: backend.pods[pod].port, gateway: false, cluster: '' };
}

/** The listener of `cluster` that leads to the pods of the other. */
export function gatewayPlace(each: Case, cluster: TestCluster): Place {
  const { host, name } = cluster;
  return { host, port: listenerPortOf(each.port), gateway: true, cluster: name };
}

/** One test of one case. `backend` and `place` are asked when it runs. */
export function testCase(each: Case, backend: () => Backend, place: () => Place): void {
  const skip = each.needs ? missing(...each.needs) : false;
  test(`${each.port}: ${each.name}`, { skip }, (context) =>
    runCase(each, backend(), place(), context),
  );
}

async function runCase(
  each: Case,
  backend: Backend,
  place: Place,
  context: TestContext,
): Promise<void> {
  const releases: (() => void)[] = [];
  const ended = new AbortController();
  const timeoutMs = each.timeoutMs ?? TIMEOUT_MS;
  const timedOut = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`not done in ${timeoutMs} ms`)), timeoutMs);
    releases.push(() => clearTimeout(timer));
  });
  const pod: PodName = (place.gateway ? undefined : each.direct) ?? PORTS[each.port].pods[0];
  const target: Target = {
    ...place,
    podVersion: versionOf(pod),
    journal: backend.journal,
    signal: ended.signal,
    defer: (release) => releases.push(release),
  };
  try {
    const running = each.run(target);
    // What fails after the deadline is a consequence of closing everything.
    running.catch(() => undefined);
    await Promise.race([running, timedOut]);
  } finally {
    ended.abort();
    for (const release of releases.reverse()) {
      try {
        release();
      } catch (error) {
        context.diagnostic(`could not release: ${error}`);
      }
    }
  }
}

/** Who dialled the tunnels, which HTTP/2 role it took in them, and so whose clients they serve. */
export interface Combination {
  readonly dialler: 'west' | 'east';
  readonly role: 'client' | 'server';
  readonly clients: 'west' | 'east';
}

/** The cluster whose gateway opens the streams is the HTTP/2 client, whoever dialled. */
export const COMBINATIONS: readonly Combination[] = [
  { dialler: 'west', role: 'client', clients: 'west' },
  { dialler: 'west', role: 'server', clients: 'east' },
  { dialler: 'east', role: 'client', clients: 'east' },
  { dialler: 'east', role: 'server', clients: 'west' },
];

/** Calls `declare` for every combination; the worlds are started by the first test that asks. */
export function forEachCombination(
  backend: () => Backend,
  declare: (combination: Combination, world: () => Promise<Linked>) => void,
): { stop(): Promise<void> } {
  const worlds = new Map<string, Promise<Linked>>();
  for (const combination of COMBINATIONS) {
    declare(combination, () => {
      const { dialler } = combination;
      const world = worlds.get(dialler) ?? startLinked(new Set([dialler]), backend());
      worlds.set(dialler, world);
      return world;
    });
  }
  return {
    stop: async () => {
      for (const world of worlds.values()) await (await world).stop();
    },
  };
}
