/**
 * Workers replaced, killed and stopped under the load of every kind of client, near and far.
 *
 * `ISTHMUS_TEST_RESPAWNS` says how often each worker is replaced; the promise is 15.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { exporting, listener, until } from '../world.ts';
import { type Failure, startLoad } from './load.ts';
import { startAnyPod } from './pod.ts';
import { peerOfStation, type Station, startStation } from './station.ts';

const RESPAWNS = Number(process.env.ISTHMUS_TEST_RESPAWNS ?? 4);
/** Whether to print what was carried. */
const TELLS = process.env.ISTHMUS_TEST_TELLS !== undefined;
/** Served by a pod of the own cluster, and by one behind the peer. */
const LOCAL = 10_001;
const REMOTE = 10_002;

/** The end of a killed process is known everywhere after so long, on a busy machine. */
const HEARD_MS = 50;

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

    for (const side of ['near', 'far'] as const) {
      test(`replacing workers of the ${side} gateway loses nothing`, async () => {
        const station = side === 'near' ? west : east;
        await underLoad(side === 'near' ? [REMOTE, LOCAL] : [REMOTE], async () => {
          for (let each = 0; each < RESPAWNS; each += 1) {
            await station.replace(each % workers, 'SIGTERM');
            await pause(100);
          }
        });
      });

      if (workers === 1) continue;
      test(`killing a worker of the ${side} gateway loses what it held, and nothing that comes after`, async () => {
        const station = side === 'near' ? west : east;
        const kills: number[] = [];
        await underLoad(
          side === 'near' ? [REMOTE, LOCAL] : [REMOTE],
          async () => {
            for (let each = 0; each < workers; each += 1) {
              // Tunnels that are no longer young: what dies young is dialled again more slowly.
              await pause(1_200);
              kills.push(performance.now());
              await station.replace(each, 'SIGKILL');
            }
          },
          // Whoever it is connected to hears of it within a moment.
          ({ beganMs, endedMs }) =>
            kills.some((at) => beganMs <= at + HEARD_MS && endedMs >= at && endedMs < at + 500),
        );
      });
    }
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
