/**
 * Two clusters 1 to 300 ms apart, each with room for so many requests: what stays home, what spills, and
 * how soon it comes back.
 */
import type { Run } from '../run.ts';
import type { Scenario } from '../scenario.ts';

const PODS = 4;
const SLOTS = 4;
const SERVICE_MS = 10;
/** What one cluster can do. */
const CAPACITY_RPS = (PODS * SLOTS * 1_000) / SERVICE_MS;

function prepare(run: Run) {
  const roundTripMs = 300 ** run.random.next();
  const { world } = run;
  for (const name of ['west', 'east']) {
    const cluster = world.add(name, { gateways: run.whole(1, 4) }, roundTripMs);
    for (let at = 0; at < PODS; at += 1)
      cluster.add({ slots: SLOTS, serviceMs: () => run.between(0.5, 1.5) * SERVICE_MS });
  }
  world.start();
  return { roundTripMs, west: world.cluster('west') };
}

export const distance: Scenario = {
  name: 'distance',
  about: 'two clusters 1 to 300 ms apart: half load, a third too much, half load again',
  async play(run) {
    const { tally } = run;
    const { roundTripMs, west } = prepare(run);
    const half = CAPACITY_RPS / 2;
    run.load({ cluster: west, rps: half, fromMs: 0, toMs: 3_000 });
    run.load({ cluster: west, rps: CAPACITY_RPS * 1.3, fromMs: 3_000, toMs: 7_000 });
    run.load({ cluster: west, rps: half, fromMs: 7_000, toMs: 13_000 });
    await run.until(16_000);
    const calm = tally.between(500, 3_000);
    const busy = tally.between(4_000, 7_000);
    const again = tally.between(11_000, 13_000);
    // Clusters nearer than what a request takes are nearly one, and share what comes.
    const shareMax = roundTripMs < SERVICE_MS ? 0.25 : 0.01;
    run.expect(
      calm.remoteShare < shareMax,
      `${calm.remoteShare} leave at half load, ${roundTripMs} ms`,
    );
    run.expect(busy.success === 1, `${busy.success} succeed when there is too much`);
    run.expect(busy.remoteShare > 0.15, `${busy.remoteShare} leave when there is too much`);
    run.expect(
      busy.p99Ms < 3 * roundTripMs + 150,
      `p99 is ${busy.p99Ms} ms, ${roundTripMs} ms apart`,
    );
    run.expect(again.remoteShare < 2 * shareMax, `${again.remoteShare} leave afterwards`);
    const { p50Ms } = calm;
    return { p50Ms, remoteShare: busy.remoteShare, p99Ms: busy.p99Ms, after: again.remoteShare };
  },
};

export const bothFull: Scenario = {
  name: 'both-full',
  about: 'both clusters have nearly too much to do: neither plays ping-pong with the other',
  async play(run) {
    const { tally, world } = run;
    const { west } = prepare(run);
    const rps = CAPACITY_RPS * 0.9;
    run.load({ cluster: west, rps, fromMs: 0, toMs: 5_000 });
    run.load({ cluster: world.cluster('east'), rps, fromMs: 0, toMs: 5_000 });
    await run.until(12_000);
    const { success, remoteShare, p99Ms } = tally.between(1_000, 5_000);
    run.expect(success === 1, `${success} succeed`);
    run.expect(remoteShare < 0.25, `${remoteShare} leave`);
    return { remoteShare, p99Ms };
  },
};

export const linkCut: Scenario = {
  name: 'link-cut',
  about: 'nothing passes between the clusters for four seconds, while one of them needs the other',
  async play(run) {
    const { tally, world } = run;
    const { roundTripMs, west } = prepare(run);
    const rps = CAPACITY_RPS / 4;
    run.load({ cluster: west, rps, fromMs: 0, toMs: 16_000, patienceMs: 5_000 });
    const link = world.link('west', 'east');
    await run.until(2_000);
    // Half of the pods are gone, so that some requests are away when the link is cut.
    const [first, second] = west.ready();
    for (const host of [first, second]) if (host !== undefined) west.kill(host);
    await run.until(3_000);
    link.cut();
    await run.until(7_000);
    link.mend();
    await run.until(22_000);
    const during = tally.between(3_000, 7_000);
    const after = tally.between(12_000, 16_000);
    run.expect(during.success > 0.99, `${during.success} succeed, ${roundTripMs} ms apart`);
    // Until it is noticed, at the latest with the tunnel's death, what is away waits.
    const p95Max = roundTripMs < 100 ? 100 : 3_000;
    run.expect(during.p95Ms < p95Max, `p95 is ${during.p95Ms} ms, ${roundTripMs} ms apart`);
    run.expect(after.success === 1, `${after.success} succeed afterwards`);
    return {
      success: during.success,
      p95Ms: during.p95Ms,
      p99Ms: during.p99Ms,
      worstMs: during.worstMs,
    };
  },
};
