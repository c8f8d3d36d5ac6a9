/**
 * Two clusters, one of which loses its pods in one way or the other, and gets them back.
 */

import type { SimCluster } from '../cluster.ts';
import { POST } from '../exchange.ts';
import type { Run } from '../run.ts';
import type { Scenario } from '../scenario.ts';
import type { Health } from '../server.ts';

const PODS = 6;
const RPS = 300;
const ROUND_TRIP_MS = 20;
const BEGINS_MS = 4_000;
const ENDS_MS = 10_000;
/** From the end of a fault until traffic is home: the longest backoff, the slow start, and a little. */
const HOME_MS = 20_000;
const OVER_MS = ENDS_MS + HOME_MS + 6_000;

/** Two clusters alike; clients in the first. */
function twoClusters(run: Run, roundTripMs = ROUND_TRIP_MS): SimCluster {
  const { world } = run;
  const server = { slots: 16, serviceMs: () => run.between(3, 7) };
  for (const name of ['west', 'east']) {
    const cluster = world.add(name, { gateways: 2 }, roundTripMs);
    for (let at = 0; at < PODS; at += 1) cluster.add(server);
  }
  world.start();
  return world.cluster('west');
}

function setHealth(cluster: SimCluster, count: number, health: Health): void {
  for (const server of [...cluster.servers.values()].slice(0, count)) server.health = health;
}

/** Plays `count` pods turning `health` for six seconds. */
async function playOutage(run: Run, count: number, health: Health, roundTripMs = ROUND_TRIP_MS) {
  const { world, tally } = run;
  const west = twoClusters(run, roundTripMs);
  run.load({ cluster: west, rps: RPS, fromMs: 0, toMs: OVER_MS, patienceMs: 2_000 });
  await run.until(BEGINS_MS);
  setHealth(west, count, health);
  await run.until(ENDS_MS);
  setHealth(west, count, 'up');
  await run.until(OVER_MS + 2_000);
  const before = tally.between(1_000, BEGINS_MS);
  const during = tally.between(BEGINS_MS, ENDS_MS);
  const after = tally.between(ENDS_MS + HOME_MS, OVER_MS);
  run.expect(before.remoteShare < 0.01, `${before.remoteShare} leave before anything happens`);
  run.expect(after.remoteShare < 0.02, `${after.remoteShare} are not home again`);
  run.expect(after.success === 1, `${after.success} succeed afterwards`);
  world.clusters.length = 0;
  return {
    success: during.success,
    p99Ms: during.p99Ms,
    worstMs: during.worstMs,
    remoteShare: during.remoteShare,
    remoteShareAfter: after.remoteShare,
  };
}

export const partialOutage: Scenario = {
  name: 'partial-outage',
  about: 'some pods of six refuse connections for six seconds',
  async play(run) {
    const figures = await playOutage(run, run.whole(1, PODS - 1), 'refusing');
    run.expect(figures.success === 1, `${figures.success} succeed meanwhile`);
    run.expect(figures.p99Ms < 2 * ROUND_TRIP_MS + 30, `p99 is ${figures.p99Ms} ms meanwhile`);
    return figures;
  },
};

export const totalOutage: Scenario = {
  name: 'total-outage',
  about: 'all pods refuse connections for six seconds',
  async play(run) {
    const figures = await playOutage(run, PODS, 'refusing');
    run.expect(figures.success === 1, `${figures.success} succeed meanwhile`);
    run.expect(figures.remoteShare > 0.98, `${figures.remoteShare} leave meanwhile`);
    return figures;
  },
};

export const badAnswers: Scenario = {
  name: 'bad-answers',
  about: 'some pods, or all, answer 503 at once for six seconds',
  async play(run) {
    const figures = await playOutage(run, run.whole(1, PODS), 'failing');
    run.expect(figures.success > 0.999, `${figures.success} succeed meanwhile`);
    return figures;
  },
};

export const blackHole: Scenario = {
  name: 'black-hole',
  about: 'some pods, or all, accept and never answer for six seconds',
  async play(run) {
    const figures = await playOutage(run, run.whole(1, PODS), 'silent');
    run.expect(figures.success > 0.99, `${figures.success} succeed meanwhile`);
    run.expect(figures.p99Ms <= 150, `p99 is ${figures.p99Ms} ms meanwhile`);
    return figures;
  },
};

export const brownout: Scenario = {
  name: 'brownout',
  about: 'all pods become twenty to a hundred times slower for six seconds',
  async play(run) {
    const { tally } = run;
    const west = twoClusters(run);
    run.load({ cluster: west, rps: RPS, fromMs: 0, toMs: OVER_MS });
    await run.until(BEGINS_MS);
    const slowness = run.between(20, 100);
    for (const server of west.servers.values()) server.slowness = slowness;
    await run.until(ENDS_MS);
    for (const server of west.servers.values()) server.slowness = 1;
    await run.until(OVER_MS + 2_000);
    const during = tally.between(BEGINS_MS + 1_000, ENDS_MS);
    const after = tally.between(ENDS_MS + HOME_MS, OVER_MS);
    run.expect(during.success === 1, `${during.success} succeed meanwhile`);
    run.expect(during.p95Ms < 100, `p95 is ${during.p95Ms} ms meanwhile`);
    run.expect(after.remoteShare < 0.02, `${after.remoteShare} are not home again`);
    return { p95Ms: during.p95Ms, p99Ms: during.p99Ms, remoteShareAfter: after.remoteShare };
  },
};

export const flapping: Scenario = {
  name: 'flapping',
  about: 'two pods of six fail and recover every second or so',
  async play(run) {
    const { tally, world } = run;
    const west = twoClusters(run);
    const toMs = 20_000;
    run.load({ cluster: west, rps: RPS, fromMs: 0, toMs });
    const kinds: readonly Health[] = ['refusing', 'failing', 'silent'];
    const health = kinds[run.whole(0, 2)] as Health;
    for (let ms = 2_000; ms < toMs; ms += run.between(300, 2_000)) {
      await run.until(ms);
      setHealth(west, 2, run.random.next() < 0.5 ? health : 'up');
    }
    setHealth(west, 2, 'up');
    await run.until(toMs + 11_000);
    const { success, p99Ms, remoteShare } = tally.between(0, toMs);
    run.expect(success > 0.999, `${success} succeed`);
    run.expect(p99Ms < 100, `p99 is ${p99Ms} ms`);
    const asked = [...west.servers.values()].slice(2).map((server) => server.asked);
    run.expect(Math.min(...asked) > 0, 'every sound pod is used');
    run.expect(world.clock.monotonicMs() > toMs, 'it ends');
    return { success, p99Ms, remoteShare };
  },
};

export const nothingLeft: Scenario = {
  name: 'nothing-left',
  about: 'every pod of every cluster answers 503: what is repeated stays within the budgets',
  async play(run) {
    const { tally, world } = run;
    const west = twoClusters(run);
    const seconds = 10;
    run.load({ cluster: west, rps: RPS, fromMs: 0, toMs: seconds * 1_000 });
    for (const cluster of world.clusters) setHealth(cluster, PODS, 'failing');
    await run.until(seconds * 1_000 + 2_000);
    const { requests, repeated, hedged, success } = tally.between(0, seconds * 1_000);
    const attempts = west.gateways.reduce((sum, gateway) => sum + gateway.attempts, 0);
    const gateways = west.gateways.length;
    // A fifth of the requests, ten a second and what was saved up, for each gateway; hedges are counted among them.
    const allowed = requests * 1.2 + gateways * 10 * (seconds + 10);
    run.expect(attempts <= allowed, `${attempts} attempts at ${requests} requests`);
    return { success, repeated, hedged, attempts: attempts / requests };
  },
};

export const unrepeatable: Scenario = {
  name: 'unrepeatable',
  about: 'POSTs that must not be sent twice, two pods of six answer 503, then recover',
  async play(run) {
    const { tally } = run;
    const west = twoClusters(run);
    run.load({ cluster: west, rps: RPS, fromMs: 0, toMs: 25_000, head: POST });
    await run.until(BEGINS_MS);
    setHealth(west, 2, 'failing');
    await run.until(ENDS_MS);
    setHealth(west, 2, 'up');
    await run.until(26_000);
    const during = tally.between(BEGINS_MS, ENDS_MS);
    const after = tally.between(ENDS_MS + 10_000, 25_000);
    run.expect(during.success > 0.97, `${during.success} succeed meanwhile`);
    run.expect(after.success === 1, `${after.success} succeed afterwards`);
    run.expect(after.remoteShare < 0.02, `${after.remoteShare} are not home again`);
    const asked = [...west.servers.values()].map((server) => server.asked);
    run.expect(Math.min(...asked) > 0.02 * Math.max(...asked), `asked: ${asked.join()}`);
    return { success: during.success, remoteShareAfter: after.remoteShare };
  },
};
