/** Connections that have not said what they speak, under a clock that is set by hand. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Clock } from '#core/clock.ts';
import { type DetectedConnection, Undecided } from '#gateway/listener/detector.ts';
import { until } from '../world.ts';

test('each is decided in its time, by one timer for all, and a speaker at once', async (t) => {
  let nowMs = 0;
  let timers: { atMs: number; callback: () => void }[] = [];
  const clock: Clock = {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    after: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      return { cancel: () => undefined };
    },
    every: () => ({ cancel: () => undefined }),
  };
  const pass = (ms: number) => {
    nowMs += ms;
    const due = timers.filter((each) => each.atMs <= nowMs);
    timers = timers.filter((each) => each.atMs > nowMs);
    for (const { callback } of due) callback();
  };
  const server = net.createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: net.Socket[] = [];
  t.after(() => {
    for (const each of sockets) each.destroy();
    server.close();
  });
  const undecided = new Undecided(clock);
  const decided: DetectedConnection[] = [];
  const connect = async () => {
    const coming = once(server, 'connection');
    const client = net.connect(port, '127.0.0.1');
    const [socket] = (await coming) as [net.Socket];
    sockets.push(client, socket);
    undecided.add(socket, { decided: (each) => decided.push(each) });
    return client;
  };
  const told = () => decided.map(({ protocol }) => protocol);

  const slow = await connect();
  slow.write('GET /slow');
  pass(1_000);
  await connect();
  const speaker = await connect();
  const gone = await connect();
  speaker.write('GET / HTTP/1.1\r\n');
  await until('the speaker is heard', () => decided.length === 1);
  gone.resetAndDestroy();
  assert.equal(timers.length, 1);
  pass(1_999);
  assert.deepEqual(told(), ['http1']);
  pass(1);
  assert.deepEqual(told(), ['http1', 'http1']);
  assert.equal(decided[1]?.first?.toString(), 'GET /slow');
  await until('it is gone', () => sockets.at(-1)?.destroyed === true);
  pass(999);
  assert.equal(decided.length, 2);
  pass(1);
  assert.deepEqual(told(), ['http1', 'http1', 'opaque']);
  assert.equal(timers.length, 0);

  for (let left = 3; left > 0; left -= 1) await connect();
  pass(3_000);
  assert.equal(told().length, 4, 'those that fell silent together are given up one by one');
  pass(1);
  assert.equal(told().length, 5);
  pass(1);
  assert.equal(told().length, 6);
  assert.equal(timers.length, 0);
});
