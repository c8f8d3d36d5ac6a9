/**
 * Servers that serve only a few requests at once: where greed makes queues, and many gateways that know nothing of
 * each other make herds.
 */
import type { SimCluster } from '../cluster.ts';
import { GET } from '../exchange.ts';
import type { Run } from '../run.ts';
import type { Scenario } from '../scenario.ts';

const SERVICE_MS = 10;
const SLOTS = 4;

/** `count` servers of {@link SLOTS} slots; a fifth of them is three times slower. Returns requests a second in all. */
function addServers(run: Run, cluster: SimCluster, count: number): number {
  let rps = 0;
  for (let at = 0; at < count; at += 1) {
    const meanMs = at % 5 === 4 ? 3 * SERVICE_MS : SERVICE_MS;
    cluster.add({ slots: SLOTS, serviceMs: (random) => run.exponential(meanMs, random) });
    rps += (SLOTS * 1_000) / meanMs;
  }
  return rps;
}

/** `gateways` gateways at `load` of what 10 servers can do, from nothing. */
async function playHerd(run: Run, gateways: number, load: number) {
  const { world, tally } = run;
  const cluster = world.add('west', { gateways });
  const rps = addServers(run, cluster, 10) * load;
  world.start();
  run.load({ cluster, rps, fromMs: 0, toMs: 3_000 });
  await run.until(1_000);
  const servers = [...cluster.servers.values()];
  const coldQueue = Math.max(...servers.map(({ loadMax }) => loadMax));
  for (const server of servers) server.loadMax = 0;
  await run.until(5_000);
  const { p50Ms, p99Ms, success } = tally.between(1_000, 3_000);
  const queue = Math.max(...servers.map(({ loadMax }) => loadMax));
  return { p50Ms, p99Ms, success, coldQueue, queue };
}

export const capacity: Scenario = {
  name: 'capacity',
  about: 'ten servers of four slots, two of them slow, at 70 % load, one gateway',
  async play(run) {
    const figures = await playHerd(run, 1, 0.7);
    run.expect(figures.success === 1, `${figures.success} succeeded`);
    run.expect(figures.p99Ms < 12 * SERVICE_MS, `p99 is ${figures.p99Ms} ms`);
    run.expect(figures.coldQueue <= 30, `${figures.coldQueue} at one server at the start`);
    return figures;
  },
};

export const herd: Scenario = {
  name: 'herd',
  about: 'the same at 80 %, sixteen gateways that know nothing of each other',
  async play(run) {
    const figures = await playHerd(run, 16, 0.8);
    run.expect(figures.success === 1, `${figures.success} succeeded`);
    run.expect(figures.p99Ms < 15 * SERVICE_MS, `p99 is ${figures.p99Ms} ms`);
    run.expect(figures.coldQueue <= 45, `${figures.coldQueue} at one server at the start`);
    return figures;
  },
};

export const queues: Scenario = {
  name: 'queues',
  about: 'the servers of the reference experiment, one request at a time, at 300 a second',
  async play(run) {
    const { world, tally } = run;
    const cluster = world.add('west');
    for (const latencyMs of [5, 10, 20, 40, 80, 160, 320, 640, 1_000, 2_000])
      cluster.add({ slots: 1, serviceMs: () => latencyMs });
    world.start();
    run.load({ cluster, rps: 300, fromMs: 0, toMs: 20_000 });
    await run.until(25_000);
    const { p50Ms, p95Ms, p99Ms, p999Ms, success } = tally.between(5_000, 20_000);
    run.expect(success === 1, `${success} succeeded`);
    run.expect(p50Ms < 30, `p50 is ${p50Ms} ms`);
    // One in a hundred may meet an exploration or a queue, but no such queue as round robin builds.
    run.expect(p99Ms < 400, `p99 is ${p99Ms} ms`);
    return { p50Ms, p95Ms, p99Ms, p999Ms, success };
  },
};

export const bursts: Scenario = {
  name: 'bursts',
  about:
    'fifty requests at the same moment, ten times a second, to servers of 2 to 1,000 ms without a limit',
  async play(run) {
    const { world, tally } = run;
    const { clock } = world;
    const cluster = world.add('west');
    for (const latencyMs of [2, 10, 20, 40, 80, 160, 320, 640, 1_000])
      cluster.add({ serviceMs: (random) => latencyMs * (0.5 + random.next()) });
    world.start();
    const timer = clock.every(100, () => {
      for (let at = 0; at < 50; at += 1) run.ask(cluster, GET, 10_000);
    });
    await run.until(15_000);
    timer.cancel();
    await run.until(20_000);
    const { p50Ms, p95Ms, p99Ms, success } = tally.between(5_000, 15_000);
    run.expect(success === 1, `${success} succeeded`);
    // Where each costs a whole latency more than the one before it is 33 ms.
    run.expect(p95Ms < 10, `p95 is ${p95Ms} ms`);
    return { p50Ms, p95Ms, p99Ms, success };
  },
};
