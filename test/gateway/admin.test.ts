/** The admin port of a gateway, where anybody in the cluster may knock. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { systemClock } from '#core/clock.ts';
import { ADMIN_PORT } from '#core/names.ts';
import { loopbackNetwork } from '#core/network.ts';
import { type AdminOptions, serveAdmin } from '#gateway/admin/port.ts';
import { CatalogCell } from '#gateway/catalog/source.ts';
import { clusterClientOptions } from '#identity/tls.ts';
import { createAuthority } from '#test/identity/authority-fixture.ts';
import { freshHost, until } from './world.ts';

const authority = createAuthority('west');
const gateway = authority.of('isthmus-gateway');
const mirror = authority.of('isthmus-mirror');

async function serving(t: TestContext, change: Partial<AdminOptions> = {}): Promise<string> {
  const host = freshHost();
  const server = await serveAdmin({
    address: { host, port: ADMIN_PORT },
    network: loopbackNetwork,
    clock: systemClock,
    cluster: 'west',
    credentials: () => gateway,
    links: async () => [],
    services: async () => [],
    balancers: async () => [],
    catalog: () => ({ trust: 'east', cell: new CatalogCell() }),
    notReady: () => [],
    metrics: async () => 'requests 1\n',
    ...change,
  });
  t.after(() => server.close());
  return host;
}

/** Connections that begin a request and never end it. */
async function loiter(t: TestContext, host: string, count: number) {
  const sockets: net.Socket[] = [];
  t.after(() => sockets.forEach((each) => void each.destroy()));
  for (let each = 0; each < count; each += 1) {
    const socket = net.connect({ host, port: ADMIN_PORT });
    socket.on('error', () => undefined).resume();
    sockets.push(socket);
    await new Promise((resolve) => socket.write('GET /live HTTP/1.1\r\n', resolve));
  }
  return { open: () => sockets.filter((each) => !each.closed).length };
}

function ask(
  host: string,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host, port: ADMIN_PORT, path, agent: false }, async (answer) => {
      let text = '';
      for await (const each of answer.setEncoding('utf8')) text += each;
      resolve({ status: answer.statusCode ?? 0, text });
    });
    request.on('error', reject);
  });
}

describe('the admin port', { concurrency: true }, () => {
  test('holds few connections of strangers, of whom the oldest make room', async (t) => {
    const host = await serving(t);
    const loiterers = await loiter(t, host, 200);
    await until('most are gone', () => loiterers.open() <= 64);
    assert.equal((await ask(host, '/live')).status, 200);
  });

  test('lets go of a request that never ends', async (t) => {
    const host = await serving(t);
    const loiterers = await loiter(t, host, 3);
    await until('they are gone', () => loiterers.open() === 0, 15_000);
  });

  test('keeps those who proved who they are, however many strangers come', async (t) => {
    const host = await serving(t);
    const known = tls.connect({ host, port: ADMIN_PORT, ...clusterClientOptions(mirror) });
    t.after(() => known.destroy());
    await new Promise((resolve) => known.once('secureConnect', resolve));
    const loiterers = await loiter(t, host, 200);
    await until('most are gone', () => loiterers.open() <= 64);
    known.write('GET /links HTTP/1.1\r\nhost: gateway\r\n\r\n');
    const [head] = String(await new Promise((resolve) => known.once('data', resolve))).split('\r');
    assert.equal(head, 'HTTP/1.1 200 OK');
  });

  test('asks the workers for metrics once for all who want them in a second', async (t) => {
    let asked = 0;
    const metrics = async () => {
      asked += 1;
      return `asked ${asked}\n`;
    };
    const host = await serving(t, { metrics });
    const all = await Promise.all(Array.from({ length: 8 }, () => ask(host, '/metrics')));
    assert.deepEqual([...new Set(all.map(({ text }) => text))], ['asked 1\n']);
    await until('they are asked again', async () => {
      return (await ask(host, '/metrics')).text === 'asked 2\n';
    });
  });

  test('keeps nothing of a reader of a catalog who has gone', async (t) => {
    const cell = new CatalogCell();
    cell.set({
      position: { epoch: 'e', revision: 1, resourceVersions: {} },
      cluster: { name: 'east', version: '1', trustBundle: '', gateways: [] },
      exports: new Map(),
    });
    const host = await serving(t, { catalog: () => ({ trust: 'east', cell }) });
    for (let each = 0; each < 5; each += 1) {
      const reader = tls.connect({ host, port: ADMIN_PORT, ...clusterClientOptions(mirror) });
      reader.write('GET /catalogs/east HTTP/1.1\r\nhost: gateway\r\n\r\n');
      await new Promise((resolve) => reader.once('data', resolve));
      reader.destroy();
    }
    await until('all have gone', () => cell.listeners === 0);
    assert.equal(getEventListeners(cell.closed, 'abort').length, 0);
  });

  test('tells the balancers of one service, and which there are', async (t) => {
    const asked: unknown[] = [];
    const host = await serving(t, {
      services: async () => ['shop/backend', 'shop/backend-global'],
      balancers: async (service) => {
        asked.push(service);
        return [];
      },
    });
    const of = encodeURIComponent('shop/backend');
    assert.equal((await ask(host, `/balancer?service=${of}`)).status, 200);
    await ask(host, '/balancer');
    assert.deepEqual(asked, ['shop/backend', undefined]);
    const { text } = await ask(host, '/services');
    assert.deepEqual(JSON.parse(text), { services: ['shop/backend', 'shop/backend-global'] });
  });

  test('outlives a page that cannot be made and a path that makes no sense', async (t) => {
    const metrics = () => Promise.reject(new Error('no such aggregator'));
    const host = await serving(t, { metrics });
    assert.deepEqual(await ask(host, '/metrics'), { status: 500, text: 'no such aggregator\n' });
    assert.equal((await ask(host, '//[/../../catalogs/east')).status, 500);
    assert.equal((await ask(host, '/live')).status, 200);
  });
});
