/**
 * `npm run bench -- failover`: what a client sees while pods, gateways or the link between clusters fail, under an
 * open loop of GETs; HAProxy with its health checks beside it, where it can do the scenario.
 *
 * Everything is a real process: two linked clusters of two gateways each, from the output of `npm run build`, pods and
 * generators. Where a packet filter would need root, the gateways of the other cluster are stopped (SIGSTOP): not a
 * byte passes, and nobody is told. Promises: whatever was started is ended.
 */
import type { Demo } from '#cli/dev/demo.ts';
import type { Io } from '#cli/io.ts';
import { sleep } from '#core/clock.ts';
import type { Address } from '#core/network.ts';
import { bootBuilt } from '../kit/built.ts';
import { processTree } from '../kit/cpu.ts';
import { type Program, type Programs, requirePrograms } from '../kit/programs.ts';
import { onScene } from '../kit/scene.ts';
import type { FailoverOrder, FailoverSample } from './load.ts';
import { NearGateway } from './near-gateway.ts';
import { PodSet } from './pod-set.ts';
import {
  type FailoverFigures,
  type FailoverResult,
  failoverFigures,
  localShares,
  lostWith,
} from './result.ts';
import {
  ENDS_MS,
  HAPROXY_CAN,
  SCENARIOS,
  type ScenarioName,
  SYSTEMS,
  type SystemName,
  TIMES,
  WITHDRAWN_AFTER_MS,
} from './scenarios.ts';
import { announceHome, offerTarget, startHaproxy } from './systems.ts';

/** A run, with the local share over time for the picture. */
export interface FailoverRun {
  readonly figures: FailoverResult;
  readonly shares: Readonly<
    Partial<Record<ScenarioName, Readonly<Partial<Record<SystemName, readonly number[]>>>>>
  >;
}

/** One system with its pods, and where it is asked. */
interface Side {
  readonly name: SystemName;
  readonly home: PodSet;
  readonly address: Address;
}

/** Measures; progress goes to standard error. */
export async function benchFailover(io: Io): Promise<FailoverRun> {
  requirePrograms([['haproxy', 'haproxy']]);
  return onScene(io, 'failover', async ({ directory, programs, host }) => {
    const demo = await bootBuilt(io, directory, { replicas: 2 });
    try {
      const sides = await setStage(io, demo, programs, directory, host);
      return await play(io, demo, programs, sides);
    } finally {
      thaw(demo);
      await demo.stop();
    }
  });
}

async function setStage(
  io: Io,
  demo: Demo,
  programs: Programs,
  directory: string,
  host: (number: number) => string,
): Promise<readonly Side[]> {
  const sides: Side[] = [];
  let first = 0;
  const take = () => host(first++);
  for (const name of SYSTEMS) {
    const home = await PodSet.start(programs, 'west', take);
    const away = await PodSet.start(programs, 'east', take);
    const address =
      name === 'isthmus'
        ? await offerTarget(io, demo, home.hosts, away.hosts)
        : await startHaproxy({
            programs,
            directory,
            host: take(),
            home: home.hosts,
            away: away.hosts,
          });
    sides.push({ name, home, address });
  }
  return sides;
}

async function play(
  io: Io,
  demo: Demo,
  programs: Programs,
  sides: readonly Side[],
): Promise<FailoverRun> {
  const figures = {} as Record<ScenarioName, Record<SystemName, FailoverFigures | null>>;
  const shares: Partial<Record<ScenarioName, Partial<Record<SystemName, number[]>>>> = {};
  await Promise.all(
    sides.map(async ({ address }) => (await startLoad(programs, [address], WARM_UP_MS)).samples),
  );
  for (const scenario of SCENARIOS) {
    io.signal.throwIfAborted();
    io.err(`${scenario}: ${Math.round(ENDS_MS[scenario] / 1_000)} s …\n`);
    const able = sides.filter(({ name }) => name === 'isthmus' || HAPROXY_CAN.has(scenario));
    figures[scenario] = { isthmus: null, haproxy: null };
    const near = scenario === 'near-gateway-kill' ? await NearGateway.find(io, demo) : undefined;
    const loads = await Promise.all(
      able.map(({ address }) => startLoad(programs, near?.targets ?? [address], ENDS_MS[scenario])),
    );
    const early = await breakAndHeal(io, demo, programs, able, scenario, () =>
      near?.kill(loads.map(({ generator }) => generator)),
    );
    for (const [at, { name }] of able.entries()) {
      const samples = (await loads[at]?.samples) ?? [];
      figures[scenario][name] = failoverFigures(
        samples,
        'west',
        early.get(name) ?? 0,
        near?.killed,
      );
      shares[scenario] = { ...shares[scenario], [name]: localShares(samples, 'west') };
      if (near) io.err(near.told(lostWith(samples, near.killed)));
    }
  }
  return { figures, shares };
}

/** A compiler that is still at work is not measured. */
const WARM_UP_MS = 5_000;

/** A generator that asks `targets` from now on, for `totalMs`. */
async function startLoad(programs: Programs, targets: readonly Address[], totalMs: number) {
  const generator: Program = await programs.startScript(new URL('./load.ts', import.meta.url));
  const order: FailoverOrder = { targets, totalMs };
  const samples = programs.ask(generator, order).then((told) => {
    generator.process.disconnect();
    return told as FailoverSample[];
  });
  return { generator, samples };
}

/** Breaks and heals on time; how many requests came home too early, by system. */
async function breakAndHeal(
  io: Io,
  demo: Demo,
  programs: Programs,
  sides: readonly Side[],
  scenario: ScenarioName,
  killNear: () => Promise<void> | undefined,
): Promise<ReadonlyMap<SystemName, number>> {
  const east = demo.cluster('east');
  const all = (work: (side: Side) => Promise<void>) => Promise.all(sides.map(work));
  const beginMs = io.clock.monotonicMs();
  const until = (ms: number) =>
    sleep(io.clock, Math.max(0, beginMs + ms - io.clock.monotonicMs()), io.signal);
  await until(TIMES.faultMs);
  switch (scenario) {
    case 'kill':
      for (const { home } of sides) home.kill();
      await until(TIMES.faultMs + WITHDRAWN_AFTER_MS);
      await announceHome(demo, []);
      break;
    case 'blackhole':
      await all(({ home }) => home.be('silent'));
      break;
    case 'brownout':
      await all(({ home }) => home.be('slow'));
      break;
    case 'gateway-kill': {
      const [gateway] = east.gateways;
      if (gateway) for (const pid of processTree([gateway.pid])) process.kill(pid, 'SIGKILL');
      break;
    }
    case 'near-gateway-kill':
      await killNear();
      break;
    case 'link-cut':
      for (const pid of gatewayPids(demo)) process.kill(pid, 'SIGSTOP');
  }
  await until(TIMES.healMs);
  if (scenario === 'kill') {
    await all(({ home }) => home.revive(programs));
    await announceHome(demo, sides.find(({ name }) => name === 'isthmus')?.home.hosts ?? []);
  } else if (scenario === 'link-cut') thaw(demo);
  else await all(({ home }) => home.be('well'));
  await until(ENDS_MS[scenario]);
  const early = new Map<SystemName, number>();
  await all(async ({ name, home }) => void early.set(name, (await home.report()).beyond));
  return early;
}

function gatewayPids(demo: Demo): number[] {
  return demo.cluster('east').gateways.flatMap(({ pid }) => processTree([pid]));
}

function thaw(demo: Demo): void {
  for (const pid of gatewayPids(demo)) process.kill(pid, 'SIGCONT');
}
