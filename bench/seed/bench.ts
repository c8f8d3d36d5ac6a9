/**
 * `npm run bench -- seed`: the reference experiment with real servers, real sockets and the real gateway, beside
 * what others would do with the same ten servers, all one hop away.
 *
 * Promises: every policy has servers and a generator of its own, in processes of their own; everything that was
 * started is ended and the temporary directory removed, whatever happens.
 */
import { join } from 'node:path';
import type { Io } from '#cli/io.ts';
import type { Address } from '#core/network.ts';
import { bootBuilt } from '../kit/built.ts';
import { type Program, requirePrograms } from '../kit/programs.ts';
import { onScene, type Scene } from '../kit/scene.ts';
import {
  BURSTS,
  EXPERIMENTS,
  type ExperimentName,
  GROUPS,
  POLICIES,
  type PolicyName,
  SERVER_PORT,
  SERVERS,
} from './experiment.ts';
import { offerService } from './gateway.ts';
import type { SeedOrder, SeedSample } from './load.ts';
import { startProxy } from './proxies.ts';
import {
  type SeedFigures,
  type SeedResult,
  type SeedSecond,
  seedFigures,
  seedSeconds,
} from './result.ts';

/** How long one policy is asked; only what comes after `warmMs` counts. */
export interface SeedOptions {
  readonly warmMs: number;
  readonly measureMs: number;
  /** Whether each policy has the machine for itself. */
  readonly alone: boolean;
}

/** Until generators that were told begin. */
const BEGIN_MS = 50;

/** A run, with latency over time for the pictures. */
export interface SeedRun {
  readonly figures: SeedResult;
  readonly seconds: Readonly<
    Record<ExperimentName, Readonly<Record<PolicyName, readonly SeedSecond[]>>>
  >;
}

/** Measures; progress goes to standard error. */
export async function benchSeed(io: Io, options: SeedOptions): Promise<SeedRun> {
  requirePrograms([
    ['haproxy', 'haproxy'],
    ['nginx', 'nginx'],
  ]);
  return onScene(io, 'seed', async (scene) => {
    const demo = await bootBuilt(io, scene.directory, { replicas: 1 });
    try {
      const before = (name: string, servers: readonly string[]) =>
        offerService(demo, name, servers);
      return await play(scene, await setStage(scene, before), options);
    } finally {
      await demo.stop();
    }
  });
}

type Targets = Readonly<Record<ExperimentName, Readonly<Record<PolicyName, readonly Address[]>>>>;

/** Starts servers and whoever stands before them; says where each policy is asked. */
async function setStage(
  { programs, directory, host }: Scene,
  offer: (name: string, servers: readonly string[]) => Promise<Address>,
): Promise<Targets> {
  const targets = {} as Record<ExperimentName, Record<PolicyName, readonly Address[]>>;
  let next = 0;
  const take = () => host(next++);
  for (const experiment of EXPERIMENTS) {
    const places = POLICIES.map((policy) => ({
      policy,
      servers: SERVERS.map(take),
      own: take(),
    }));
    const found = await Promise.all(
      places.map(async ({ policy, servers, own }): Promise<[PolicyName, Address[]]> => {
        const script = new URL('./servers/main.ts', import.meta.url);
        await programs.startScript(script, [experiment, ...servers]);
        const name = `seed-${policy}-${experiment}`.toLowerCase();
        switch (policy) {
          case 'isthmus':
            return [policy, [await offer(name, servers)]];
          case 'oracle':
            return [policy, [await offer(name, servers.slice(0, 1))]];
          case 'round-robin':
            return [policy, servers.map((address) => ({ host: address, port: SERVER_PORT }))];
          default:
            await startProxy(policy, {
              programs,
              directory: join(directory, name),
              host: own,
              servers,
            });
            return [policy, [{ host: own, port: SERVER_PORT }]];
        }
      }),
    );
    targets[experiment] = Object.fromEntries(found) as Record<PolicyName, Address[]>;
  }
  return targets;
}

async function play(scene: Scene, targets: Targets, options: SeedOptions): Promise<SeedRun> {
  const { io, programs } = scene;
  const { warmMs, measureMs, alone } = options;
  const totalMs = warmMs + measureMs;
  const figures = {} as Record<ExperimentName, Record<PolicyName, SeedFigures>>;
  const seconds = {} as Record<ExperimentName, Record<PolicyName, SeedSecond[]>>;
  const groups = alone ? POLICIES.map((policy) => [policy]) : GROUPS;
  for (const experiment of EXPERIMENTS) {
    figures[experiment] = {} as Record<PolicyName, SeedFigures>;
    seconds[experiment] = {} as Record<PolicyName, SeedSecond[]>;
    for (const group of groups) {
      io.signal.throwIfAborted();
      io.err(`${experiment}: ${group.join(', ')}: ${Math.round(totalMs / 1_000)} s …\n`);
      const generators = await Promise.all(
        group.map(() => programs.startScript(new URL('./load.ts', import.meta.url))),
      );
      const firstMs = io.clock.wallMs() + BEGIN_MS;
      const runs = group.map(async (policy, index) => {
        const generator = generators[index] as Program;
        const beginMs = firstMs + (index * BURSTS.periodMs) / group.length;
        const order: SeedOrder = {
          experiment,
          targets: targets[experiment][policy],
          totalMs,
          beginMs,
        };
        const samples = (await programs.ask(generator, order)) as SeedSample[];
        generator.process.disconnect();
        figures[experiment][policy] = seedFigures(samples, warmMs, totalMs);
        seconds[experiment][policy] = seedSeconds(samples, totalMs);
      });
      await Promise.all(runs);
    }
  }
  return { figures, seconds };
}
