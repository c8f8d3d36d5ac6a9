/**
 * A watch behind a proxy that stops forwarding without closing, over real sockets. With `ISTHMUS_REAL_LIMITS=1` the limits are the
 * real ones and a case takes half a minute; otherwise the same code runs with a shorter silence.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { Wire } from '#devcluster/faults/wire.ts';
import { fixedHeaders } from '#kube/credentials.ts';
import { HttpKubeClient } from '#kube/http-client.ts';
import { Reflector } from '#kube/reflector.ts';
import { configMaps } from '#kube/resources/builtin.ts';
import { eventually, startWorld, type World } from '#test/devcluster/world.ts';

const real = process.env.ISTHMUS_REAL_LIMITS === '1';
const noticedMsMax = real ? 30_000 : 6_000;
const NAMESPACE = '/api/v1/namespaces/default/configmaps';

/** A reflector of ConfigMaps that reaches the server through `wire`. */
function reflect(world: World, wire: Wire, signal: AbortSignal) {
  const client = new HttpKubeClient({
    server: new URL(`https://127.0.0.1:${wire.address.port}`),
    tls: { ca: world.cluster.ca },
    headers: fixedHeaders({ authorization: `Bearer ${world.cluster.adminToken}` }),
    network: identityNetwork,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    ...(real ? {} : { watchIdleMs: 1_500, requestDeadlineMs: 1_500 }),
  });
  const reflector = new Reflector({
    client,
    resource: configMaps,
    selection: { namespace: 'default' },
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  });
  reflector.start(signal);
  return { client, reflector };
}

for (const [what, whole] of [
  ['one connection', false],
  ['every connection, and then lets new ones through again,', true],
] as const) {
  test(`a proxy that forgets ${what} is noticed within ${noticedMsMax} ms, and nothing is lost`, async () => {
    const world = await startWorld();
    const stop = new AbortController();
    const server = new URL(world.cluster.url);
    const wire = await Wire.open({
      from: { host: '127.0.0.1', port: 0 },
      to: { host: server.hostname, port: Number(server.port) },
      clock: systemClock,
    });
    const { client, reflector } = reflect(world, wire, stop.signal);
    try {
      const write = (name: string) => world.call('POST', NAMESPACE, { metadata: { name } });
      await reflector.synced(stop.signal);
      await write('before');
      await eventually('it follows', () => reflector.cache.has('default/before'));
      const lists = reflector.lists;
      const connections = wire.connections;
      if (whole) wire.die();
      else wire.stall();
      const silentMs = performance.now();
      for (let index = 0; index < 20; index += 1) await write(`meanwhile-${index}`);
      await world.call('DELETE', `${NAMESPACE}/before`);
      assert.equal(reflector.cache.has('default/meanwhile-0'), false, 'the wire is dead');
      if (whole) {
        await eventually('it dials again', () => wire.connections > connections, noticedMsMax);
        assert.ok(performance.now() - silentMs < noticedMsMax);
        wire.heal();
      }
      const caughtUp = () =>
        reflector.cache.has('default/meanwhile-19') && !reflector.cache.has('default/before');
      await eventually('it caught up', caughtUp, whole ? 90_000 : noticedMsMax);
      assert.equal(reflector.lists, lists, 'from where it was, without a list');
      const rest = [...reflector.cache.keys()].filter((key) => key.includes('meanwhile'));
      assert.equal(rest.length, 20);
    } finally {
      stop.abort();
      await client.close();
      await wire.close();
      await world.close();
    }
  });
}
