/**
 * A cluster whose gateways run before its first pods do: pods that have just begun are cold, and a cluster that
 * serves meanwhile lets them become warm.
 */
import type { Scenario } from '../scenario.ts';

const PODS = 4;
const RPS = 300;
const READY_MS = 5_000;
const WARM_MS = 8_000;
const OVER_MS = 30_000;

export const firstPods: Scenario = {
  name: 'first-pods',
  about: 'a cluster gets its first pods, cold at first, while another serves in every second run',
  async play(run, seed) {
    const { world, tally } = run;
    const alone = seed % 2 === 0;
    const [west, east] = [world.add('west', { gateways: 2 }), world.add('east')];
    const server = { slots: 4, serviceMs: () => run.between(4, 8) };
    // Without pods of its own the other cluster serves nobody.
    if (!alone) for (let at = 0; at < PODS; at += 1) east.add(server);
    world.start();
    run.load({ cluster: west, rps: RPS, fromMs: alone ? READY_MS + 100 : 0, toMs: OVER_MS });
    await run.until(READY_MS);
    for (let at = 0; at < PODS; at += 1) west.add(server);
    const pods = [...west.servers.values()];
    for (const pod of pods) pod.slowness = 4;
    west.announce();
    const spills = west.gateways.some((each) => each.service?.spilling);
    run.expect(spills !== alone, `local capacity ${spills ? 'counts' : 'does not count'} as short`);
    await run.until(READY_MS + WARM_MS);
    for (const pod of pods) pod.slowness = 1;
    await run.until(OVER_MS + 1_000);
    const first = tally.between(READY_MS, READY_MS + 1_000);
    const after = tally.between(OVER_MS - 10_000, OVER_MS);
    const { success } = tally.between(0, OVER_MS);
    run.expect(success === 1, `${success} succeed`);
    run.expect(alone || first.remoteShare > 0.6, `${first.remoteShare} stay with who serves`);
    run.expect(after.remoteShare < 0.02, `${after.remoteShare} are not home again`);
    return { firstRemoteShare: first.remoteShare, afterRemoteShare: after.remoteShare };
  },
};
