/** Fifty watchers and an API server that goes and comes back: with its history, and without. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Clock, systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { seededRandom } from '#core/random.ts';
import { Wire } from '#devcluster/faults/wire.ts';
import type { KubeClient } from '#kube/client.ts';
import { fixedHeaders } from '#kube/credentials.ts';
import { HttpKubeClient } from '#kube/http-client.ts';
import { RELIST_SPREAD_MS, Reflector } from '#kube/reflector.ts';
import { configMaps } from '#kube/resources/builtin.ts';
import { eventually, startWorld, type World } from '#test/devcluster/world.ts';

const WATCHERS = 50;
const WINDOW_MS = 100;
/** Lists in any tenth of a second: a fifth of the fleet. */
const BURST_MAX = WATCHERS / 5;

let world: World;
let wire: Wire;
const stop = new AbortController();
const clients: HttpKubeClient[] = [];
const reflectors: Reflector<ReturnType<typeof configMaps.parse>>[] = [];
/** When each list was due: a busy machine that runs late timers in one go is not held against the reflectors. */
let listedMs: number[] = [];

before(async () => {
  world = await startWorld();
  const { hostname, port } = new URL(world.cluster.url);
  wire = await Wire.open({
    from: { host: '127.0.0.1', port: 0 },
    to: { host: hostname, port: Number(port) },
    clock: systemClock,
  });
  for (let index = 0; index < WATCHERS; index += 1) {
    const random = seededRandom(index);
    const client = new HttpKubeClient({
      server: new URL(`https://127.0.0.1:${wire.address.port}`),
      tls: { ca: world.cluster.ca },
      headers: fixedHeaders({ authorization: `Bearer ${world.cluster.adminToken}` }),
      network: identityNetwork,
      clock: systemClock,
      random,
      log: silentLogger,
    });
    clients.push(client);
    let dueMs = 0;
    const clock: Clock = {
      ...systemClock,
      after(delayMs, callback) {
        const mineMs = performance.now() + delayMs;
        return systemClock.after(delayMs, () => {
          dueMs = mineMs;
          callback();
        });
      },
    };
    const counting = Object.assign(Object.create(client) as KubeClient, {
      listPage: (...asked: Parameters<KubeClient['listPage']>) => {
        listedMs.push(dueMs);
        return client.listPage(...asked);
      },
      watch: (...asked: Parameters<KubeClient['watch']>) => client.watch(...asked),
    }) as KubeClient;
    const reflector = new Reflector({
      client: counting,
      resource: configMaps,
      clock,
      random,
      log: silentLogger,
    });
    reflector.start(stop.signal);
    reflectors.push(reflector);
  }
  await Promise.all(reflectors.map((each) => each.synced(stop.signal)));
  await eventually('all watch', () => world.cluster.context.watches.count >= WATCHERS);
});
after(async () => {
  stop.abort();
  await Promise.all(clients.map((each) => each.close()));
  await wire.close();
  await world.close();
});

/** Away for a while; something changes meanwhile; resolves when every watcher has heard of it. */
async function outage(name: string, meanwhile: () => void): Promise<void> {
  listedMs = [];
  wire.refuse();
  await world.call('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name } });
  meanwhile();
  await new Promise((resolve) => setTimeout(resolve, 700));
  wire.heal();
  await eventually(
    'everybody knows',
    () => reflectors.every((each) => each.cache.has(`default/${name}`)),
    20_000,
  );
}

test('a server that comes back with its history is asked for no list at all', async () => {
  await outage('kept', () => undefined);
  assert.equal(listedMs.length, 0);
});

test('a server that comes back without its history is listed by all, but not at once', async (context) => {
  await outage('forgotten', () => world.cluster.store.compact());
  assert.equal(listedMs.length, WATCHERS);
  const sorted = listedMs.toSorted((a, b) => a - b);
  const burst = Math.max(
    ...sorted.map((from) => sorted.filter((at) => at >= from && at < from + WINDOW_MS).length),
  );
  const spreadMs = Math.round((sorted.at(-1) ?? 0) - (sorted[0] ?? 0));
  context.diagnostic(`${WATCHERS} lists over ${spreadMs} ms, at most ${burst} in ${WINDOW_MS} ms`);
  assert.ok(burst <= BURST_MAX, `${burst} lists within ${WINDOW_MS} ms`);
  assert.ok(spreadMs > RELIST_SPREAD_MS / 2);
});
