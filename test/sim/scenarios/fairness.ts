/**
 * Servers that are alike get alike, however many gateways there are, and also while they come and go.
 */
import type { Scenario } from '../scenario.ts';

/** How much more than its fair share one may get. */
const SHARE_MAX = 2;

export const fairness: Scenario = {
  name: 'fairness',
  about: 'twelve servers that are alike, 1, 4 or 16 gateways',
  async play(run, seed) {
    const { world, tally } = run;
    const gateways = [1, 4, 16][seed % 3] as number;
    const cluster = world.add('west', { gateways });
    const count = 12;
    for (let at = 0; at < count; at += 1)
      cluster.add({ serviceMs: (random) => 5 + run.exponential(5, random) });
    world.start();
    const rps = 600;
    run.load({ cluster, rps, fromMs: 0, toMs: 10_000 });
    await run.until(11_000);
    const asked = [...cluster.servers.values()].map((server) => server.asked);
    const most = Math.max(...asked) / ((rps * 10) / count);
    const least = Math.min(...asked) / ((rps * 10) / count);
    run.expect(most <= SHARE_MAX, `one of ${count} got ${most} of its share, ${gateways} gateways`);
    run.expect(tally.between(0, 10_000).success === 1, 'none fails');
    return { most, least };
  },
};

export const rollingDeploy: Scenario = {
  name: 'rolling-deploy',
  about: 'every pod replaced by a new one, one after the other, the old ones killed',
  async play(run) {
    const { world, tally } = run;
    const [cluster] = [world.add('west', { gateways: 2 }), world.add('east')];
    const server = { slots: 8, serviceMs: () => run.between(4, 8) };
    const hosts = Array.from({ length: 6 }, () => cluster.add(server));
    for (let at = 0; at < 6; at += 1) world.cluster('east').add(server);
    world.start();
    run.load({ cluster, rps: 400, fromMs: 0, toMs: 22_000 });
    const everyMs = run.between(1_500, 3_000);
    const aliveMs = run.between(0, 200);
    await run.until(3_000);
    for (const old of hosts) {
      // As Kubernetes does it: a new one first, then the old one leaves, and is gone a little later, or too soon.
      cluster.add(server);
      cluster.announce();
      await run.until(world.clock.monotonicMs() + everyMs / 2);
      const gone = aliveMs > 100;
      if (!gone) cluster.kill(old);
      await run.until(world.clock.monotonicMs() + aliveMs);
      cluster.unready(old);
      cluster.announce();
      await run.until(world.clock.monotonicMs() + everyMs / 2);
      if (gone) cluster.kill(old);
    }
    await run.until(23_000);
    const figures = tally.between(0, 22_000);
    run.expect(figures.success === 1, `${figures.success} succeeded`);
    run.expect(figures.p99Ms < 60, `p99 is ${figures.p99Ms} ms`);
    const { p99Ms, remoteShare, worstMs } = figures;
    return { p99Ms, remoteShare, worstMs };
  },
};
