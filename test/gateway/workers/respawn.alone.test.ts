/**
 * Workers replaced, killed and stopped under the load of every kind of client, near and far.
 *
 * With `ISTHMUS_TEST_RESPAWNS=15` workers are replaced that often, near, far, and on both sides at once.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LinkReport } from '#gateway/admin/report.ts';
import { exporting, listener, request, until } from '../world.ts';
import { type Failure, startLoad } from './load.ts';
import { startAnyPod } from './pod.ts';
import { peerOfStation, type Station, startStation } from './station.ts';

const RESPAWNS = Number(process.env.ISTHMUS_TEST_RESPAWNS ?? 3);
const SIDES =
  process.env.ISTHMUS_TEST_RESPAWNS === undefined
    ? (['both'] as const)
    : (['near', 'far', 'both'] as const);
/** Whether to print what was carried. */
const TELLS = process.env.ISTHMUS_TEST_TELLS !== undefined;
/** Served by a pod of the own cluster, and by one behind the peer. */
const LOCAL = 10_001;
const REMOTE = 10_002;

/** The end of a killed process is known everywhere after so long, on a busy machine. */
const HEARD_MS = 250;
/** What nobody may hear who comes after. */
const TURNED_AWAY = /ECONNREFUSED|NO_ENDPOINT|PEER_UNREACHABLE/;

type Pod = Awaited<ReturnType<typeof startAnyPod>>;

for (const workers of [1, 2]) {
  describe(`gateways of ${workers} workers`, () => {
    let west: Station;
    let east: Station;
    let pod: Pod;

    before(async () => {
      pod = await startAnyPod(5);
      [west, east] = await Promise.all([
        startStation('west', workers),
        startStation('east', workers),
      ]);
      east.set({ ...exporting([pod.endpoint]), peers: new Map([['west', peerOfStation(west)]]) });
      west.set({
        ...exporting([pod.endpoint]),
        peers: new Map([['east', peerOfStation(east)]]),
        listeners: new Map([
          [LOCAL, listener(LOCAL, { local: true })],
          [REMOTE, listener(REMOTE, { mirror: 'shop/backend-east', clusters: ['east'] })],
        ]),
      });
      await Promise.all([west.ready(), east.ready()]);
      // West may have been ready before there was anybody to call, each of its workers for itself.
      await until('connected', async () => {
        const links = (await west.ask('links')) as LinkReport[][];
        return links.length === workers && links.flat().every((each) => each.connected);
      });
      await until('served', async () => (await request(west.host, REMOTE)).status === 200);
    });
    after(async () => {
      pod?.destroy();
      await Promise.all([west?.stop(), east?.stop()]);
    });

    /** Runs `work` while every kind of client calls `ports`; what they lost, whose work was not `excused`. */
    async function underLoad(
      ports: readonly number[],
      work: () => Promise<void>,
      excused: (failure: Failure) => boolean = () => false,
    ): Promise<void> {
      const loads = ports.map((port) => startLoad({ host: west.host, port }));
      try {
        await until('load', () => loads.every(({ done }) => Object.keys(done).length === 5));
        await work();
      } finally {
        await Promise.all(loads.map((each) => each.stop()));
        if (TELLS) console.log(loads.map(({ done, failures }) => [done, failures.slice(0, 10)]));
      }
      const failures = loads.flatMap((each) => each.failures);
      assert.deepEqual(
        failures.filter((each) => !excused(each)),
        [],
      );
    }

    for (const sides of SIDES) {
      const stations = () => (sides === 'both' ? [west, east] : sides === 'near' ? [west] : [east]);

      test(`replacing workers (${sides}) loses nothing`, async () => {
        await underLoad([REMOTE, LOCAL], async () => {
          for (let round = 0; round < RESPAWNS; round += 1) {
            await Promise.all(stations().map((each) => each.replace(round % workers, 'SIGTERM')));
            await pause(100);
          }
        });
      });

      if (workers === 1) continue;
      test(`killing workers (${sides}) loses what they held, and nothing that comes after`, async () => {
        const kills: number[] = [];
        await underLoad(
          [REMOTE, LOCAL],
          async () => {
            for (const station of stations()) {
              // Tunnels that are no longer young: what dies young is dialled again more slowly.
              await pause(1_200);
              kills.push(performance.now());
              await station.replace(0, 'SIGKILL');
            }
          },
          // Whoever it is connected to hears of it within a moment.
          ({ beganMs, endedMs, message }) =>
            !TURNED_AWAY.test(message) &&
            kills.some((at) => beganMs <= at + HEARD_MS && endedMs >= at && endedMs < at + 1_000),
        );
      });
    }
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
