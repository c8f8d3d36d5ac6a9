/** One process of a gateway probes for all of its workers. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '#core/virtual-clock.ts';
import type { BalancerReport } from '#gateway/admin/report.ts';
import type { Probe } from '#gateway/balance/balancer.ts';
import { ProbeClient, ProbeDesk } from '#gateway/worker/probes.ts';
import { exporting, freshHost, listener, request, until } from '../world.ts';
import { startStation } from './station.ts';

const PROBE: Probe = { address: '10.0.0.1:8080', path: undefined, protocol: undefined };
const PORT = 10_001;

test('what several workers want to know at once is asked once, and all are told', async () => {
  const asked: Probe[] = [];
  const told: [Probe, boolean][] = [];
  const { promise, resolve: answer } = Promise.withResolvers<boolean>();
  const clock = new VirtualClock();
  const desk = new ProbeDesk(
    (probe) => {
      asked.push(probe);
      return probe.path === undefined ? new Promise(() => undefined) : promise;
    },
    (probe, alive) => void told.push([probe, alive]),
    clock,
  );
  desk.ask(PROBE);
  desk.ask({ ...PROBE });
  desk.ask({ ...PROBE, path: '/healthz' });
  assert.deepEqual(
    asked.map(({ path }) => path),
    [undefined, '/healthz'],
  );
  answer(true);
  await new Promise(setImmediate);
  assert.deepEqual(told, [[{ ...PROBE, path: '/healthz' }, true]]);
  // A question that crossed the answer is answered by it, and only a later one asked anew.
  desk.ask({ ...PROBE, path: '/healthz' });
  assert.deepEqual([asked.length, told.length], [2, 2]);
  clock.runUntil(100);
  desk.ask({ ...PROBE, path: '/healthz' });
  assert.deepEqual([asked.length, told.length], [3, 2]);
});

test('a probe that breaks is one that found nobody well', async () => {
  const told: boolean[] = [];
  const desk = new ProbeDesk(
    () => Promise.reject(new Error('no socket')),
    (_probe, alive) => void told.push(alive),
    new VirtualClock(),
  );
  desk.ask(PROBE);
  await new Promise(setImmediate);
  assert.deepEqual(told, [false]);
});

test('a worker knows answers to what it asked from what others asked', async () => {
  const asked: Probe[] = [];
  const client = new ProbeClient((probe) => void asked.push(probe));
  const first = client.probe(PROBE);
  const second = client.probe({ ...PROBE });
  assert.equal(client.told({ ...PROBE, path: '/healthz' }, true), false);
  assert.equal(client.told(PROBE, true), true);
  assert.deepEqual(await Promise.all([first, second]), [true, true]);
  assert.equal(client.told(PROBE, true), false);
  assert.equal(asked.length, 2);
});

/** A pod that counts connections on which nothing is said: those of probes. */
async function startCounter(t: TestContext, host: string, port: number) {
  let silent = 0;
  const server = net.createServer((socket) => {
    let said = false;
    socket.on('data', () => {
      said = true;
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (!said) silent += 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  t.after(() => server.close());
  return { probes: () => silent };
}

test('a pod that refused both workers is back in both with one probe', async (t) => {
  const station = await startStation('west', 2);
  t.after(() => station.stop());
  const host = freshHost();
  const endpoint = { host, port: 8_080, podName: 'pod' };
  station.set({
    ...exporting([endpoint]),
    listeners: new Map([[PORT, listener(PORT, { local: true })]]),
  });
  await station.ready();
  const out = async () => {
    const reports = ((await station.ask('balancer')) as BalancerReport[][]).flat();
    return reports.filter(({ mirror, local }) => mirror !== null && local[0]?.ejected).length;
  };
  await until('both workers have left it out', async () => {
    await request(station.host, PORT);
    return (await out()) === 2;
  });
  const pod = await startCounter(t, host, 8_080);
  await until('both have it back', async () => (await out()) === 0, 15_000);
  assert.equal((await request(station.host, PORT)).status, 200);
  assert.equal(pod.probes(), 1);
});
