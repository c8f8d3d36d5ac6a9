/** Where the requests of a load go. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Load } from '#cli/drill/load.ts';
import type { RequestRecord } from '#cli/drill/record.ts';
import { systemClock } from '#core/clock.ts';
import type { Address } from '#core/network.ts';

test('every request goes to where the Service is then, and fails while it is nowhere', async (t) => {
  const server = createServer((_, response) => response.end('{"cluster":"west"}'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  let address: Address | undefined;
  const records: RequestRecord[] = [];
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  const load = new Load({
    clock: systemClock,
    address: () => address,
    path: '/',
    authority: 'backend',
    requestsPerSecond: 100,
    timeoutMs: 2_000,
    onRecord: (record) => {
      records.push(record);
      address = { host: '127.0.0.1', port };
      if (record.cluster !== undefined) resolve();
    },
  });
  const alive = setInterval(() => undefined, 1_000);
  await answered;
  clearInterval(alive);
  await load.stop();
  assert.equal(records[0]?.failure, 'there is no such Service');
  assert.equal(records.at(-1)?.cluster, 'west');
});
