/** Every fault of an API server does what it says, to whom it says, and ends. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import type { ApiFaultWish } from '#devcluster/faults/api-fault.ts';
import { Partitions } from '#devcluster/faults/partitions.ts';
import { Wire } from '#devcluster/faults/wire.ts';
import { asString, at } from '#devcluster/values/json.ts';
import { fixedHeaders } from '#kube/credentials.ts';
import { HttpKubeClient } from '#kube/http-client.ts';
import { configMaps } from '#kube/resources/builtin.ts';
import { eventually, startWorld, type World } from './world.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const admin = { users: ['kubernetes-admin'] };
let world: World;
let client: HttpKubeClient;
before(async () => {
  world = await startWorld();
  const { url, ca, adminToken } = world.cluster;
  client = new HttpKubeClient({
    server: new URL(url),
    tls: { ca },
    headers: fixedHeaders({ authorization: `Bearer ${adminToken}` }),
    network: identityNetwork,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    requestDeadlineMs: 300,
    watchIdleMs: 300,
  });
  await world.call('POST', CONFIG_MAPS, { metadata: { name: 'a' }, data: { value: '1' } });
});
after(async () => {
  await client.close();
  await world.close();
});

const read = () => client.get(configMaps, 'a', 'default');
const inject = (fault: ApiFaultWish, seconds?: number) =>
  world.cluster.context.faults.inject(fault, seconds);
/** A watch from now on; resolves to how it ended. */
async function watch(): Promise<{ ended: Promise<unknown>; stop: () => void }> {
  const stop = new AbortController();
  const { body } = await world.call('GET', CONFIG_MAPS);
  const version = asString(at(body, 'metadata', 'resourceVersion'));
  const ended = (async () => {
    for await (const event of client.watch(configMaps, {}, version, stop.signal)) {
      if (event.type !== 'BOOKMARK') return event.type;
    }
    return 'closed';
  })().catch((error: unknown) => error);
  await eventually('it watches', () => world.cluster.context.watches.count > 0);
  return { ended, stop: () => stop.abort() };
}

test('a share of requests is refused, with a pause to make; others are not', async () => {
  const { lift } = inject({
    type: 'apiServerErrors',
    status: 429,
    retryAfterSeconds: 7,
    match: { ...admin, verbs: ['get'] },
  });
  await assert.rejects(read(), (error: Error & { cause?: { retryAfterMs?: number } }) => {
    assert.equal(error.cause?.retryAfterMs, 7_000);
    return true;
  });
  assert.equal((await client.list(configMaps)).length > 0, true);
  lift();
  assert.equal((await read())?.data.value, '1');
});

test('answers come late, and at once when it is over', async () => {
  const { lift } = inject({ type: 'apiServerSlow', delayMs: 120, match: admin });
  const beganMs = performance.now();
  await read();
  assert.ok(performance.now() - beganMs >= 119);
  lift();
  const againMs = performance.now();
  await read();
  assert.ok(performance.now() - againMs < 100);
});

test('a server that is down refuses, and is back by itself when its time is up', async () => {
  inject({ type: 'apiServerDown' }, 0.2);
  await assert.rejects(read(), { code: 'CLUSTER_UNREACHABLE' });
  await eventually('it is back', () => read().catch(() => undefined));
  assert.deepEqual(world.cluster.context.faults.list(), []);
});

test('watches are cut, or answered with 410 when versions have expired', async () => {
  const first = await watch();
  inject({ type: 'watchCut' }).lift();
  assert.match(String(await first.ended), /CLUSTER_UNREACHABLE|failed/);
  const { body } = await world.call('GET', CONFIG_MAPS);
  await world.call('POST', CONFIG_MAPS, { metadata: { name: 'b' } });
  inject({ type: 'expiredVersions' }).lift();
  const version = asString(at(body, 'metadata', 'resourceVersion'));
  const old = await world.call('GET', `${CONFIG_MAPS}?watch=true&resourceVersion=${version}`);
  assert.match(old.text, /"type":"ERROR".*"code":410/);
});

test('stale reads show an older state, and the present one again when they end', async () => {
  const { lift } = inject({ type: 'staleReads' });
  const before = await client.listPage(configMaps, { namespace: 'default' }, { limit: 100 });
  await world.call(
    'PATCH',
    `${CONFIG_MAPS}/a`,
    { data: { value: '2' } },
    { type: 'application/merge-patch+json' },
  );
  assert.equal((await read())?.data.value, '1');
  const during = await client.listPage(configMaps, { namespace: 'default' }, { limit: 100 });
  assert.equal(during.resourceVersion, before.resourceVersion);
  lift();
  assert.equal((await read())?.data.value, '2');
});

test('a partition is silence for one user alone, on watches too, and a reset when it heals', async () => {
  const watched = await watch();
  const { lift } = inject({ type: 'apiServerSilent', match: admin });
  const anonymous = await world.call('GET', '/readyz', undefined, { token: '' });
  assert.equal(anonymous.text, 'ok');
  await assert.rejects(read(), /nothing came for 300 ms/);
  assert.match(String(await watched.ended), /nothing came for 300 ms/);
  lift();
  assert.equal((await read())?.data.value, '2');
});

test('a skewed clock dates objects wrongly and refuses tokens of another time', async () => {
  const accounts = '/api/v1/namespaces/default/serviceaccounts';
  const made = await world.call('POST', `${accounts}/default/token`, { spec: {} });
  const token = asString(at(made.body, 'status', 'token'));
  const { lift } = inject({ type: 'clockSkew', offsetMs: 2 * 3_600_000 });
  assert.equal((await world.call('GET', '/api', undefined, { token })).status, 401);
  const late = await world.call('POST', CONFIG_MAPS, { metadata: { name: 'late' } });
  const created = Date.parse(asString(at(late.body, 'metadata', 'creationTimestamp')));
  assert.ok(created > Date.now() + 7_000_000);
  lift();
  assert.equal((await world.call('GET', '/api', undefined, { token })).status, 200);
});

test('over HTTP faults are checked by field, shown and lifted, by administrators alone', async () => {
  const wrong = await world.call('POST', '/faults/inject', {
    fault: { type: 'apiServerErrors', status: 418 },
  });
  assert.equal(wrong.status, 400);
  assert.match(asString(wrong.body.message), /^fault\.status: /);
  const endless = await world.call('POST', '/faults/inject', { fault: { type: 'apiServerDown' } });
  assert.match(asString(endless.body.message), /^seconds: /);
  const made = await world.call('POST', '/faults/inject', {
    fault: { type: 'apiServerErrors', status: 503 },
    seconds: 60,
  });
  const id = asString(made.body.id);
  assert.equal((await world.call('GET', CONFIG_MAPS)).status, 503);
  assert.equal(at((await world.call('GET', '/faults')).body, 'inForce') !== undefined, true);
  const lifted = await world.call('POST', '/faults/lift', { id });
  assert.deepEqual(lifted.body.lifted, [id]);
  assert.equal((await world.call('GET', CONFIG_MAPS)).status, 200);
  const stranger = await world.call('POST', '/faults/lift', {}, { token: '' });
  assert.equal(stranger.status, 403);
});

test('writes are counted by user, resource and verb', async () => {
  const { body } = await world.call('POST', `${CONFIG_MAPS}?dryRun=All`, {
    metadata: { name: 'dry' },
  });
  assert.equal(body.kind, 'ConfigMap');
  const page = (await world.call('GET', '/metrics')).text;
  assert.match(
    page,
    /^isthmus_devcluster_writes_total\{user="kubernetes-admin",resource="configmaps",verb="create"\} 3$/m,
  );
});

/** A server that answers every request with its path. */
async function echo(): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => response.end(request.url));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

test('a wire passes, slows, cuts, refuses, and goes dead without a word', async () => {
  const { server, port } = await echo();
  const wire = await Wire.open({
    from: { host: '127.0.0.1', port: 0 },
    to: { host: '127.0.0.1', port },
    clock: systemClock,
  });
  const ask = async (path: string, withinMs = 2_000) => {
    const response = await fetch(`http://127.0.0.1:${wire.address.port}${path}`, {
      signal: AbortSignal.timeout(withinMs),
      headers: { connection: 'close' },
    });
    return response.text();
  };
  assert.equal(await ask('/one'), '/one');
  wire.slow(60);
  const beganMs = performance.now();
  assert.equal(await ask('/two'), '/two');
  assert.ok(performance.now() - beganMs >= 119, 'held back in both directions');
  wire.heal();
  wire.die();
  await assert.rejects(ask('/three', 150), { name: 'TimeoutError' });
  wire.heal();
  assert.equal(await ask('/four'), '/four');
  wire.refuse();
  await assert.rejects(ask('/five'), /fetch failed/);
  wire.heal();
  assert.equal(await ask('/six'), '/six');
  await wire.close();
  server.closeAllConnections();
  server.close();
});

test('a partition stops two components and no third, in both directions or in one', async () => {
  const [west, east] = [await echo(), await echo()];
  const hosts = { west: '10.0.0.1', east: '10.0.0.2' };
  const ports = { [hosts.west]: west.port, [hosts.east]: east.port };
  const base = {
    locate: ({ host }: { host: string }) => ({ host: '127.0.0.1', port: ports[host] ?? 0 }),
    source: () => undefined,
  };
  const partitions = new Partitions(base, systemClock);
  for (const [name, host] of Object.entries(hosts)) partitions.own(name, host);
  const ask = async (from: string, to: keyof typeof hosts) => {
    const { host, port } = partitions.networkOf(from).locate({ host: hosts[to], port: 80 });
    const response = await fetch(`http://${host}:${port}/x`, {
      signal: AbortSignal.timeout(200),
      headers: { connection: 'close' },
    });
    return response.text();
  };
  assert.equal(await ask('west', 'east'), '/x');
  const whole = partitions.between('west', 'east');
  await assert.rejects(ask('west', 'east'), { name: 'TimeoutError' });
  await assert.rejects(ask('east', 'west'), { name: 'TimeoutError' });
  assert.equal(await ask('client', 'east'), '/x');
  whole.heal();
  assert.equal(await ask('west', 'east'), '/x');
  const half = partitions.between('west', 'east', true);
  await assert.rejects(ask('west', 'east'), { name: 'TimeoutError' });
  assert.equal(await ask('east', 'west'), '/x');
  half.heal();
  assert.equal(await ask('west', 'east'), '/x');
  await partitions.close();
  for (const { server } of [west, east]) {
    server.closeAllConnections();
    server.close();
  }
});
