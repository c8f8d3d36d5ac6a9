/** Opaque connections to pods: few are begun in one turn, however many are asked for. */
import assert from 'node:assert/strict';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#core/clock.ts';
import { loopbackNetwork } from '#core/network.ts';
import type { AttemptListener } from '#gateway/http/exchange.ts';
import { connectTcp } from '#gateway/opaque/attempt.ts';
import { CONNECTS_PER_TURN } from '#gateway/transport/connects.ts';

const MANY = 60;

test('a burst begins few connections in one turn; all come, but those given up', async () => {
  const server = net.createServer((socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  let begun = 0;
  const network = {
    ...loopbackNetwork,
    locate: (of: typeof address) => {
      begun += 1;
      return of;
    },
  };
  let accepted = 0;
  const listener: AttemptListener = {
    onInterim: () => undefined,
    onAnswer: () => {
      accepted += 1;
    },
    onAnswerBody: () => undefined,
    onAnswerEnd: () => undefined,
    onRequestSent: () => undefined,
    onFailed: (error) => assert.fail(error.message),
  };
  const head = {
    ...{ method: 'CONNECT', path: '', authority: 'a', headers: [], seen: 0, upgrade: '' },
    ...{ length: -1, version: 'http1' as const, neverIndexed: undefined },
  };
  const attempts = Array.from({ length: MANY }, () =>
    connectTcp(address, { head, listener }, network, systemClock),
  );
  assert.equal(begun, CONNECTS_PER_TURN);
  for (const each of attempts.slice(MANY / 2)) each.cancel();
  for (let before = begun; accepted < MANY / 2; before = begun) {
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(begun - before <= CONNECTS_PER_TURN, `${begun - before} in one turn`);
  }
  assert.equal(begun, MANY / 2);
  for (const each of attempts.slice(0, MANY / 2)) each.cancel();
  server.close();
});
