/** Detours: what a file names is dialled elsewhere, at once, and what took another way before is ended. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { formatAddress } from '#core/network.ts';
import { networkFromSpec } from '#runtime/network.ts';
import { writeRoutes } from '#runtime/routed-network.ts';

async function listener(t: TestContext): Promise<{ host: string; port: number }> {
  const server = net.createServer((socket) => socket.on('error', () => undefined).resume());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

async function dial(t: TestContext, address: { host: string; port: number }): Promise<net.Socket> {
  const socket = net.connect(address);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

test('a detour is in force at once and ends what went straight, and nothing else', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-routes-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'routes', 'gateway.json');
  const network = networkFromSpec(`routed:${file}!loopback`);
  const [named, other, relay] = [await listener(t), await listener(t), await listener(t)];
  assert.deepEqual(network.locate(named), named, 'without a file everything is where it says');
  assert.equal(network.source('127.10.0.9'), '127.10.0.9');
  const straight = await dial(t, network.locate(named));
  const bystander = await dial(t, network.locate(other));
  const ended = once(straight, 'close');
  writeRoutes(file, { [formatAddress(named)]: formatAddress(relay) });
  await ended;
  assert.deepEqual(network.locate(named), relay);
  assert.deepEqual(network.locate(other), other);
  const detoured = await dial(t, network.locate(named));
  writeRoutes(file, {});
  while (network.locate(named).port === relay.port) await new Promise((go) => setTimeout(go, 5));
  // A pair that is named no more keeps its connections: they are no straight ones.
  assert.equal(detoured.destroyed, false);
  assert.equal(bystander.destroyed, false);
});

test('a detour that cannot be read is named', () => {
  assert.throws(() => networkFromSpec('routed:/nowhere'), { field: 'ISTHMUS_NETWORK' });
});
