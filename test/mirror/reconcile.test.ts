/** The loop, from watch to write, against a client in memory and gateways that a test scripts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import { StatusError } from '#kube/client.ts';
import type { News } from '#kube/events.ts';
import {
  endpointSlices,
  links,
  namespaces,
  serviceExports,
  services,
} from '#kube/resources/builtin.ts';
import { WRITES_OF_PEER } from '#mirror/budgets.ts';
import { Feed } from '#mirror/feed.ts';
import { Controller } from '#mirror/reconcile.ts';
import type { GatewayReplica } from '#mirror/replicas.ts';
import { eventually, TEST_ROOT } from '../kube/support.ts';
import { MemoryClient } from './memory-client.ts';

const base = { clock: systemClock, random: systemRandom, log: silentLogger };

/** A gateway replica that streams what a test says. */
function scriptedGateway() {
  let push: (line: unknown) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  let opened = 0;
  let connected = true;
  let last: unknown;
  const replica: GatewayReplica = {
    name: '10.0.1.1',
    json: async () => ({ links: [{ name: 'east', clusterName: 'east', connected, error: null }] }),
    async *stream(path, _idleMs, signal) {
      if (!path.startsWith('/catalogs/east?trust=')) {
        throw new IsthmusError('API_REFUSED', path, { cause: new StatusError(404, '', '') });
      }
      opened += 1;
      const queue: unknown[] = last === undefined ? [] : [last];
      let wake: () => void = () => undefined;
      let broken: Error | undefined;
      push = (line) => {
        queue.push(line);
        wake();
      };
      fail = (error) => {
        broken = error;
        wake();
      };
      signal.addEventListener('abort', () => wake(), { once: true });
      while (!signal.aborted) {
        if (broken) throw broken;
        const line = queue.shift();
        if (line !== undefined) yield Buffer.from(`${JSON.stringify(line)}\n`);
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
  return {
    replica,
    opened: () => opened,
    say(line: unknown) {
      if ((line as { kind: string }).kind === 'snapshot') last = line;
      push(line);
    },
    fail: (error: Error) => fail(error),
    disconnect: () => {
      connected = false;
    },
  };
}

const backend = (name = 'backend') => ({
  namespace: 'shop',
  name,
  createdAt: '2026-01-01T00:00:00Z',
  ports: [{ name: 'http', port: 8080 }],
  readyEndpoints: 3,
});
const snapshot = (revision: number, ...exports: unknown[]) => ({
  kind: 'snapshot',
  position: { epoch: 'e', revision },
  cluster: { name: 'east', version: '0.1.0', trustBundle: TEST_ROOT },
  exports,
});

function world() {
  const client = new MemoryClient();
  client.put(namespaces, { metadata: { name: 'shop' } });
  gateways(client, '10.0.1.1', '10.0.1.2');
  return client;
}

function gateways(client: MemoryClient, ...addresses: string[]) {
  client.put(endpointSlices, {
    metadata: {
      name: 'isthmus-gateway-1',
      namespace: 'isthmus-system',
      labels: { 'kubernetes.io/service-name': 'isthmus-gateway' },
    },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address] })),
  });
}

function link(client: MemoryClient) {
  client.put(links, {
    metadata: { name: 'east', namespace: 'isthmus-system', generation: 1 },
    spec: { clusterName: 'east', trustDomain: 'east.isthmus.local', trustBundle: TEST_ROOT },
  });
}

/** A controller that leads until the test ends. */
function run(client: MemoryClient, replica: GatewayReplica | undefined) {
  const stop = new AbortController();
  const news: News[] = [];
  const controller = new Controller({
    ...base,
    cluster: 'west',
    client,
    recorder: { record: (each) => news.push(each) },
    portRange: { min: 10_000, max: 32_767 },
  });
  const feed = new Feed({
    ...base,
    replicas: () => (replica ? [replica] : []),
    onChange: controller.changed,
  });
  controller.start(feed, stop.signal);
  const polling = feed.poll(stop.signal);
  const leading = controller.lead(stop.signal);
  return {
    news,
    controller,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all([polling, leading]);
    },
  };
}

const conditionOf = (client: MemoryClient, type: string) =>
  client
    .all(links)
    .get('isthmus-system/east')
    ?.status.conditions?.find((each) => each.type === type);

test('an export appears, follows its ports and the gateways, and goes again', async () => {
  const client = world();
  const gateway = scriptedGateway();
  await using _running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  gateway.say(snapshot(1, backend()));
  const slice = () => client.all(endpointSlices).get('shop/backend-global-ipv4');
  await eventually('both mirrors', () => client.all(services).size === 2 && slice() !== undefined);
  assert.deepEqual([...client.all(services).keys()], ['shop/backend-east', 'shop/backend-global']);
  const mirror = client.all(services).get('shop/backend-global');
  assert.equal(slice()?.metadata.ownerReferences?.[0]?.uid, mirror?.metadata.uid);
  assert.equal(slice()?.ports[0]?.port, mirror?.spec.ports?.[0]?.targetPort);
  await eventually('status', () => conditionOf(client, 'CatalogSynced')?.status === 'True');
  assert.equal(client.all(links).get('isthmus-system/east')?.status.importedServices, 1);

  gateways(client, '10.0.1.3');
  await eventually('new gateways', () => slice()?.endpoints[0]?.addresses[0] === '10.0.1.3');
  gateway.say({
    kind: 'delta',
    position: { epoch: 'e', revision: 2 },
    changed: [{ ...backend(), ports: [{ name: 'http', port: 9090 }] }],
  });
  await eventually(
    'the new port',
    () => client.all(services).get('shop/backend-east')?.spec.ports?.[0]?.port === 9090,
  );
  gateway.say({ kind: 'delta', position: { epoch: 'e', revision: 3 }, removed: ['shop/backend'] });
  await eventually('nothing left', () => client.all(services).size === 0 && slice() === undefined);
});

test('once everything is as it should be, nothing is written any more', async () => {
  const client = world();
  const gateway = scriptedGateway();
  await using running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  gateway.say(snapshot(1, backend()));
  await eventually('status', () => conditionOf(client, 'CatalogSynced')?.reason === 'Synced');
  const status = () => client.all(links).get('isthmus-system/east')?.status.importedServices;
  await eventually('quiet', () => status() === 1 && running.controller.backlog().depth === 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const count = client.writes.length;
  for (let index = 0; index < 5; index += 1) {
    running.controller.changed();
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  assert.deepEqual(client.writes.slice(count), []);
});

test('a label becomes an export well within a second, and its removal removes it', async () => {
  const client = world();
  await using _running = run(client, undefined);
  const service = {
    metadata: { name: 'frontend', namespace: 'shop', labels: {} },
    spec: { ports: [{ port: 80 }] },
  };
  client.put(services, service);
  await eventually('synced', () => client.all(services).size === 1);
  const labels = { 'isthmus.dev/export': 'true' };
  const beganMs = performance.now();
  client.put(services, { ...service, metadata: { ...service.metadata, labels } });
  const status = () => client.all(serviceExports).get('shop/frontend')?.status?.conditions;
  await eventually('valid', () => status()?.[0]?.reason === 'Valid');
  assert.ok(performance.now() - beganMs < 1_000);
  client.put(services, service);
  await eventually('gone', () => client.all(serviceExports).size === 0);
});

test('an object that cannot be written holds up no other', async () => {
  const client = world();
  const gateway = scriptedGateway();
  client.refuse = (_verb, _resource, object) => {
    if (object === 'shop/bad-east') throw new IsthmusError('API_REFUSED', 'scripted');
  };
  await using running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  gateway.say(snapshot(1, backend('bad'), backend('good')));
  await eventually('the good ones', () => client.all(services).size === 3);
  await eventually('the failure', () => running.controller.backlog().failing === 1);
  client.refuse = () => undefined;
  await eventually('all', () => client.all(services).size === 4);
});

test('a broken stream is opened again and takes nothing away; a lost peer is a condition', async () => {
  const client = world();
  const gateway = scriptedGateway();
  await using _running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  gateway.say(snapshot(1, backend()));
  await eventually('mirrors', () => client.all(services).size === 2);
  gateway.fail(new Error('reset'));
  await eventually('again', () => gateway.opened() > 1);
  gateway.disconnect();
  await eventually('condition', () => conditionOf(client, 'Connected')?.status === 'False');
  assert.equal(client.all(services).size, 2);
  assert.equal(client.writes.filter((each) => each.startsWith('delete')).length, 0);
  client.drop(links, 'isthmus-system/east');
  await eventually('unlinked', () => client.all(services).size === 0);
});

test('a wave over many mirrors is of bounded width', async () => {
  const client = world();
  const gateway = scriptedGateway();
  await using _running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  const exports = Array.from({ length: 100 }, (_, index) => backend(`s-${index}`));
  gateway.say(snapshot(1, ...exports));
  await eventually('200 mirrors', () => client.all(services).size === 200);
  gateways(client, '10.0.1.9');
  const moved = () =>
    [...client.all(endpointSlices).values()].filter(
      (each) => each.endpoints[0]?.addresses[0] === '10.0.1.9',
    ).length;
  await eventually('every slice', () => moved() === 201);
  assert.ok(client.runningMax <= 16, `${client.runningMax} at once`);
});

test('a namespace that is missing is told once, and its services come when it does', async () => {
  const client = world();
  const gateway = scriptedGateway();
  await using running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  gateway.say(snapshot(1, { ...backend(), namespace: 'later' }));
  await eventually('news', () => running.news.length > 0);
  assert.equal(running.news[0]?.reason, 'NamespaceMissing');
  client.put(namespaces, { metadata: { name: 'later' } });
  await eventually('mirrors', () => client.all(services).has('later/backend-global'));
  assert.equal(running.news.length, 1);
});

const labelled = (name: string) => ({
  metadata: { name, namespace: 'shop', labels: { 'isthmus.dev/export': 'true' } },
  spec: { ports: [{ port: 80 }] },
});

test('objects of a user that no watch has told of yet are neither written nor deleted, but told', async () => {
  const client = world();
  const gateway = scriptedGateway();
  await using running = run(client, gateway.replica);
  link(client);
  client.put(services, labelled('frontend'));
  await eventually('the stream', () => gateway.opened() > 0);
  await eventually('the export', () => client.all(serviceExports).size === 1);
  client.lag(services, endpointSlices);
  const metadata = { name: 'backend-east', namespace: 'shop', labels: { app: 'mine' } };
  const service = client.put(services, { metadata, spec: { ports: [{ port: 443 }] } });
  const sliceOf = { name: 'backend-global-ipv4', namespace: 'shop' };
  const slice = client.put(endpointSlices, {
    metadata: sliceOf,
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.9.9.9'] }],
  });
  const count = client.writes.length;
  gateway.say(snapshot(1, backend()));
  await eventually('the other mirror', () => client.all(services).has('shop/backend-global'));
  await eventually('news of the Service', () =>
    running.news.some((each) => each.about.kind === 'Service' && each.reason === 'NameClash'),
  );
  client.catchUp();
  await eventually('news of the slice', () =>
    running.news.some((each) => each.message.includes('backend-global-ipv4')),
  );
  await eventually(
    'status',
    () => conditionOf(client, 'CatalogSynced')?.reason === 'PartlyImported',
  );
  client.drop(links, 'isthmus-system/east');
  await eventually('unlinked', () => !client.all(services).has('shop/backend-global'));
  assert.equal(client.all(services).get('shop/backend-east'), service);
  assert.equal(client.all(endpointSlices).get('shop/backend-global-ipv4'), slice);
  const written = client.writes.slice(count).filter((each) => each.includes('backend-east'));
  assert.deepEqual(written, []);
});

test('a ServiceExport of a user that no watch has told of yet is taken over by nobody', async () => {
  const client = world();
  await using running = run(client, undefined);
  await eventually('synced', () => running.controller.unready() === undefined);
  client.lag(serviceExports);
  client.put(serviceExports, { metadata: { name: 'frontend', namespace: 'shop' } });
  const service = client.put(services, labelled('frontend'));
  await eventually('it was looked at', () => client.gets > 0);
  client.put(services, { ...service, metadata: { ...service.metadata, labels: {} } });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const kept = client.all(serviceExports).get('shop/frontend');
  assert.deepEqual([kept?.metadata.labels, kept?.metadata.ownerReferences], [undefined, undefined]);
  assert.ok(!client.writes.some((each) => each === 'apply serviceexports shop/frontend'));
});

test('an object of a user that appears between a look and the write is not taken over, but told', async () => {
  const client = world();
  const gateway = scriptedGateway();
  await using running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  const metadata = { name: 'backend-east', namespace: 'shop', labels: { app: 'mine' } };
  let mine: unknown;
  client.afterGet = (_, key) => {
    if (key === 'shop/backend-east') {
      mine ??= client.put(services, { metadata, spec: { ports: [{ port: 443 }] } });
    }
  };
  gateway.say(snapshot(1, backend()));
  await eventually('news', () => running.news.some((each) => each.about.kind === 'Service'));
  await eventually('quiet', () => running.controller.backlog().depth === 0);
  assert.equal(client.all(services).get('shop/backend-east'), mine);
});

test('a successor of a mirror that a user made is not overwritten', async () => {
  const client = world();
  const gateway = scriptedGateway();
  await using running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  gateway.say(snapshot(1, backend()));
  await eventually('synced', () => conditionOf(client, 'CatalogSynced')?.reason === 'Synced');
  await eventually('quiet', () => running.controller.backlog().depth === 0);
  client.lag(services, endpointSlices);
  client.drop(services, 'shop/backend-east');
  const metadata = { name: 'backend-east', namespace: 'shop', labels: { app: 'mine' } };
  const mine = client.put(services, { metadata, spec: { ports: [{ port: 443 }] } });
  gateway.say(snapshot(2, { ...backend(), ports: [{ name: 'http', port: 9090 }] }));
  await eventually('the refusal', () => running.controller.backlog().failing > 0);
  client.catchUp();
  await eventually('news', () => running.news.some((each) => each.reason === 'NameClash'));
  await eventually('quiet', () => running.controller.backlog().depth === 0);
  assert.equal(client.all(services).get('shop/backend-east'), mine);
});

test('a term that ends begins no write, and ends those under way', async () => {
  const client = world();
  link(client);
  const exports = Array.from({ length: 8 }, (_, index) => backend(`s-${index}`));
  const gateway = scriptedGateway();
  const stop = new AbortController();
  const term = new AbortController();
  const signals: (AbortSignal | undefined)[] = [];
  let late = 0;
  // No apply ends but by its signal.
  client.apply = async (_resource, _object, options) => {
    if (term.signal.aborted) late += 1;
    const { signal } = options ?? {};
    signals.push(signal);
    return await new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };
  const actions: boolean[] = [];
  const controller = new Controller({
    ...base,
    cluster: 'west',
    client,
    recorder: { record: () => undefined },
    portRange: { min: 10_000, max: 32_767 },
    onAction: (action, failed) => {
      if (action.do === 'apply') actions.push(failed);
    },
  });
  const feed = new Feed({
    ...base,
    replicas: () => [gateway.replica],
    onChange: controller.changed,
  });
  controller.start(feed, stop.signal);
  const leading = controller.lead(term.signal);
  await eventually('the stream', () => gateway.opened() > 0);
  gateway.say(snapshot(1, ...exports));
  await eventually('writes', () => signals.length === 16);
  term.abort();
  await leading;
  assert.ok(signals.every((each) => each?.aborted));
  assert.equal(late, 0);
  assert.deepEqual(actions, Array<boolean>(16).fill(true), 'the slices were not begun');
  stop.abort();
});

/** Has every write of the mirror of `shop/bad` refused with `cause`; counts them. */
function refuseBad(client: MemoryClient, cause: StatusError): { readonly times: number } {
  const refused = { times: 0 };
  client.refuse = (_verb, _resource, object) => {
    if (object !== 'shop/bad-east') return;
    refused.times += 1;
    throw new IsthmusError('API_REFUSED', 'refused', { cause });
  };
  return refused;
}

test('a write that is refused as invalid is told, waits long, and is tried at once when it changes', async () => {
  const client = world();
  const gateway = scriptedGateway();
  const cause = new StatusError(422, 'Invalid', 'spec.ports[0].name: not a name');
  const refused = refuseBad(client, cause);
  await using running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  gateway.say(snapshot(1, backend('bad'), backend('good')));
  const synced = () => conditionOf(client, 'CatalogSynced');
  await eventually('the finding', () => synced()?.reason === 'PartlyImported');
  assert.match(synced()?.message ?? '', /shop\/bad-east .* not a name/);
  for (let index = 0; index < 20; index += 1) {
    running.controller.changed();
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  assert.equal(refused.times, 1, 'the same is not tried again soon');
  gateway.say(snapshot(2, { ...backend('bad'), ports: [{ port: 81 }] }, backend('good')));
  await eventually('another try', () => refused.times === 2);
  client.refuse = () => undefined;
  gateway.say(snapshot(3, { ...backend('bad'), ports: [{ port: 82 }] }, backend('good')));
  await eventually('written', () => client.all(services).has('shop/bad-east'));
  await eventually('told', () => synced()?.reason === 'Synced');
});

test('a mirror that a quota forbids is told, and tried again after a while', async () => {
  const client = world();
  const gateway = scriptedGateway();
  const said = 'services "bad-east" is forbidden: exceeded quota: few';
  const refused = refuseBad(client, new StatusError(403, 'Forbidden', said));
  await using running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  gateway.say(snapshot(1, backend('bad'), backend('good')));
  const synced = () => conditionOf(client, 'CatalogSynced');
  await eventually('the finding', () => synced()?.reason === 'PartlyImported');
  assert.match(synced()?.message ?? '', /shop\/bad-east .* exceeded quota: few/);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(refused.times, 1);
  assert.equal(running.controller.backlog().failing, 1);
});

test('a peer that changes without end is written no more often than its budget, others go before', async () => {
  const client = world();
  const gateway = scriptedGateway();
  await using running = run(client, gateway.replica);
  link(client);
  await eventually('the stream', () => gateway.opened() > 0);
  // Written twice, with two mirrors each, they are more than there is a budget for.
  const count = Math.round(0.35 * WRITES_OF_PEER.burst);
  const exports = (round: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...backend(`s-${index}`),
      exportedAnnotations: { round: String(round) },
    }));
  const applied = () => client.writes.filter((each) => each.startsWith('apply services')).length;
  const beganMs = performance.now();
  gateway.say(snapshot(1, ...exports(1)));
  await eventually('all mirrors', () => client.all(services).size === 2 * count);
  await eventually('quiet', () => running.controller.backlog().depth === 0);
  gateway.say(snapshot(2, ...exports(2)));
  await eventually('the budget is spent', () => applied() >= WRITES_OF_PEER.burst);
  client.put(services, labelled('frontend'));
  await eventually('the export', () => client.all(serviceExports).has('shop/frontend'));
  assert.ok(running.controller.backlog().depth > 200, 'before what is left of the peer');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { burst, perSecond } = WRITES_OF_PEER;
  const most = burst + ((performance.now() - beganMs) / 1_000) * perSecond;
  assert.ok(applied() <= most, `${applied()} of ${most}`);
});

test('a plan that took long is followed by as long a time for writes', async () => {
  let aheadMs = 0;
  const delays: number[] = [];
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    after: (delayMs, callback) => {
      delays.push(delayMs);
      return systemClock.after(Math.min(delayMs, 50), callback);
    },
  };
  const controller = new Controller({
    ...{ ...base, clock, cluster: 'west', client: world() },
    recorder: { record: () => undefined },
    // It is asked for once a plan, which so takes longer than any of a real cluster.
    get portRange() {
      aheadMs += 7_000;
      return { min: 10_000, max: 32_767 };
    },
  });
  const feed = new Feed({ ...base, replicas: () => [], onChange: controller.changed });
  const stop = new AbortController();
  controller.start(feed, stop.signal);
  const leading = controller.lead(stop.signal);
  await eventually('a plan', () => aheadMs > 0);
  controller.changed();
  const isLong = (delayMs: number) => delayMs >= 7_000 && delayMs < 8_000;
  await eventually('a pause of the same length', () => delays.some(isLong));
  stop.abort();
  await leading;
});
