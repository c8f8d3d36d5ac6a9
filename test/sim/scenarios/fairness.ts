/**
 * Servers that are alike get alike, however many gateways there are, and also while they come and go.
 */
import { CONNECTION } from '../exchange.ts';
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

export const scaling: Scenario = {
  name: 'scaling',
  about: 'two pods become eight, and two again, under a load two can just carry',
  async play(run) {
    const { world, tally } = run;
    const [cluster] = [world.add('west', { gateways: 2 }), world.add('east')];
    const server = { slots: 8, serviceMs: () => run.between(5, 15) };
    for (let at = 0; at < 2; at += 1) cluster.add(server);
    for (let at = 0; at < 4; at += 1) world.cluster('east').add(server);
    world.start();
    run.load({ cluster, rps: 600, fromMs: 0, toMs: 22_000 });
    await run.until(2_000);
    const added = Array.from({ length: 6 }, () => cluster.add(server));
    cluster.announce();
    await run.until(16_000);
    const grown = added.map((host) => cluster.serverOf(host).asked);
    for (const host of added) cluster.unready(host);
    cluster.announce();
    await run.until(23_000);
    const { success, p99Ms } = tally.between(0, 22_000);
    const whole = tally.between(3_000, 16_000);
    run.expect(success === 1, `${success} succeed`);
    run.expect(
      whole.remoteShare < 0.01,
      `${whole.remoteShare} leave while there is more than enough`,
    );
    run.expect(Math.min(...grown) > 100, `new pods are used: ${grown.join()}`);
    return { p99Ms, remoteShare: whole.remoteShare };
  },
};

export const connections: Scenario = {
  name: 'connections',
  about: 'opaque connections that stay open for long: spread by number, and at home',
  async play(run) {
    const { world, tally } = run;
    const cluster = world.add('west', { gateways: run.whole(1, 4), contentMs: 8_000 });
    world.add('east').add({ serviceMs: () => 0 });
    for (let at = 0; at < 6; at += 1) cluster.add({ serviceMs: () => 0 });
    world.start();
    run.load({ cluster, rps: 60, fromMs: 0, toMs: 12_000, head: CONNECTION, patienceMs: 60_000 });
    await run.until(12_000);
    const open = new Map<string, number>();
    for (const { open: counts } of cluster.gateways)
      for (const each of counts.values())
        for (const [key, count] of each) open.set(key, (open.get(key) ?? 0) + count);
    const east = open.get('east') ?? 0;
    open.delete('east');
    const all = [...open.values()].reduce((sum, count) => sum + count, 0);
    const most = (Math.max(...open.values()) * open.size) / all;
    await run.until(22_000);
    run.expect(east <= 0.02 * all, `${east} of ${all} are away`);
    run.expect(most < 1.5, `one pod has ${most} times its share of ${all}`);
    run.expect(tally.between(0, 12_000).success === 1, 'all are served');
    return { most, away: east / all };
  },
};
