/** A worker in an endless loop is noticed, ended and replaced; one that is stopped is not. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packageRoot } from '#runtime/package.ts';
import { exporting, listener, request, startPod, until } from '../world.ts';
import { type Station, startStation } from './station.ts';

const PORT = 10_001;
const STILL_MS = 3_000;

async function serving(
  t: TestContext,
  more: Readonly<Record<string, string>> = {},
): Promise<Station> {
  const pod = await startPod('pod');
  const station = await startStation('west', 1, {
    ...more,
    TEST_STILL_MS: String(STILL_MS),
    NODE_OPTIONS: `--import=${join(packageRoot(), 'test/gateway/workers/spin.ts')}`,
  });
  t.after(async () => {
    pod.destroy();
    await station.stop();
  });
  station.set({
    ...exporting([pod.endpoint]),
    listeners: new Map([[PORT, listener(PORT, { local: true })]]),
  });
  await station.ready();
  return station;
}

/** What is counted of lost workers and of requests. */
async function counted(station: Station): Promise<string[]> {
  const page = await station.ask('metrics');
  const all = page.matchAll(/^isthmus_(gateway_workers_lost|requests)_total\{.*\} \d+$/gm);
  return [...all].map(([line]) => line.replace(/^isthmus_/, ''));
}

test('a worker in an endless loop is ended and replaced', async (t) => {
  const station = await serving(t);
  assert.equal((await request(station.host, PORT)).status, 200);
  await station.ask('metrics');
  const [before = 0] = await station.ask('pids');
  const spunMs = performance.now();
  process.kill(before, 'SIGWINCH');
  await until(
    'another has its place',
    async () => {
      const pids = await station.ask('pids');
      return pids.length === 1 && !pids.includes(before);
    },
    15_000,
  );
  const tookMs = performance.now() - spunMs;
  assert.ok(tookMs >= STILL_MS - 1_500 && tookMs < STILL_MS + 3_000, `after ${tookMs} ms`);
  assert.match((await station.ask('missing')).join(), /worker 0: /);
  await station.ready();
  assert.equal((await request(station.host, PORT)).status, 200);
  assert.match(station.log, new RegExp(`"worker":0,"pid":${before},"silentMs":\\d+,"next":"`));
  assert.match(station.log, /"message":"worker stands still and is ended"/);
  assert.doesNotMatch(station.log, /worker died/);
  assert.deepEqual(await counted(station), [
    'gateway_workers_lost_total{how="died"} 0',
    'gateway_workers_lost_total{how="still"} 1',
    'requests_total{service="shop/backend",cluster="local",status="200",code=""} 2',
  ]);
});

test('a worker in an endless loop before its first word is ended and replaced', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-spin-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const mark = join(folder, 'spins');
  writeFileSync(mark, '');
  const station = await serving(t, {
    TEST_SPINS_AT_START: mark,
    TEST_FIRST_WORD_MS: String(2 * STILL_MS),
  });
  assert.match(station.log, /"message":"worker stands still and is ended"/);
  assert.equal((await request(station.host, PORT)).status, 200);
  const [lost] = (await counted(station)).filter((line) => line.includes('"still"'));
  assert.equal(lost, 'gateway_workers_lost_total{how="still"} 1');
});

test('a worker that is stopped for longer goes on where it was', async (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux says that a process is stopped');
  const station = await serving(t);
  const before = await station.ask('pids');
  process.kill(before[0] ?? 0, 'SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 3 * STILL_MS));
  process.kill(before[0] ?? 0, 'SIGCONT');
  await new Promise((resolve) => setTimeout(resolve, STILL_MS + 1_500));
  assert.deepEqual(await station.ask('pids'), before);
  assert.equal((await request(station.host, PORT)).status, 200);
});
