/**
 * How workers begin and end, when all is well and when it is not.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { ADMIN_PORT, GATEWAY_PORT } from '#core/names.ts';
import { packageRoot } from '#runtime/package.ts';
import { exporting, freshHost, listener, request, startPod, until } from '../world.ts';
import { peerOfStation, type Station, startStation } from './station.ts';

const PORT = 10_001;

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // What nobody has waited for yet is over all the same.
    return !existsSync('/proc/self') || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Processes `pid` has started, as Linux tells. */
function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number) : [];
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function serving(
  t: TestContext,
  workers: number,
  more: Readonly<Record<string, string>> = {},
): Promise<Station> {
  const pod = await startPod('pod');
  const station = await startStation('west', workers, more);
  station.set({
    ...exporting([pod.endpoint]),
    listeners: new Map([[PORT, listener(PORT, { local: true })]]),
  });
  t.after(async () => {
    pod.destroy();
    await station.stop();
  });
  await station.ready();
  return station;
}

test('a worker run by hand says how to run it, and exits 2', async () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, [join(packageRoot(), 'gateway/worker/main.ts')], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 2, text);
  assert.match(text, /a worker is started by the gateway: run gateway\/main/);
});

test('workers are gone within a second of the process that looks after them, however it ended', async (t) => {
  const station = await serving(t, 2);
  const pids = await station.ask('pids');
  assert.equal(pids.length, 2);
  station.process.kill('SIGKILL');
  await until('the workers are gone', () => !pids.some(alive), 1_000);
});

test('a gateway told to end, by whatever way, is gone with its workers', async (t) => {
  const station = await startStation('west', 1);
  t.after(() => station.stop());
  const ends: Record<string, (child: ChildProcess) => void> = {
    SIGTERM: (child) => child.kill('SIGTERM'),
    // As a terminal does: everybody in the group hears of it.
    'SIGINT to all': (child) => process.kill(-(child.pid ?? 0), 'SIGINT'),
    'end of the parent': (child) => child.stdin?.end(),
  };
  await Promise.all(
    Object.entries(ends).map(async ([how, end]) => {
      const child = spawnGateway(station, {
        ISTHMUS_LOG_LEVEL: 'info',
        ISTHMUS_POD_IP: freshHost(),
        ISTHMUS_WORKERS: '2',
        ISTHMUS_PARENT: how === 'end of the parent' ? 'stdin' : 'none',
      });
      let log = '';
      for (const each of [child.stdout, child.stderr]) each?.on('data', (text) => (log += text));
      const exit = new Promise<unknown>((resolve) =>
        child.once('exit', (code, signal) => resolve(signal ?? code)),
      );
      const workers = () => childrenOf(child.pid ?? 0);
      await until('two workers', () => workers().length === 2, 10_000);
      const pids = workers();
      await pause(500);
      end(child);
      const code = await exit;
      // Some may still be loading their programs, on a machine that does so for six processes at once.
      await until(`${how}: the workers are gone`, () => !pids.some(alive), 3_000);
      const expected = how === 'end of the parent' ? 1 : 0;
      assert.equal(code, expected, `${how}: ${log}`);
    }),
  );
});

/** A gateway in the environment of `station`, whose API server nobody answers for: it waits for its first snapshot. */
function spawnGateway(station: Station, change: Readonly<Record<string, string>>): ChildProcess {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawn(process.execPath, [join(packageRoot(), 'gateway/main.ts')], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...env,
      ...station.environment,
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: '1',
      ...change,
    },
  });
}

test('a gateway lives, and says what it lacks, while identity gives it no certificate', async (t) => {
  const station = await startStation('west', 1);
  t.after(() => station.stop());
  station.refusing = true;
  const host = freshHost();
  const child = spawnGateway(station, { ISTHMUS_POD_IP: host });
  const exit = new Promise((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? code)),
  );
  const ask = async (path: string) => {
    const answer = await fetch(`http://${host}:${ADMIN_PORT}${path}`).catch(() => undefined);
    return answer && `${answer.status} ${await answer.text()}`;
  };
  try {
    await until('it lives', async () => (await ask('/live')) === '200 live\n');
    assert.equal(await ask('/ready'), '503 not ready: certificate\n');
    assert.match((await ask('/metrics')) ?? '', /^200 .*isthmus_build_info/s);
    station.refusing = false;
    await until(
      'it has one',
      async () => (await ask('/ready')) === '503 not ready: snapshot\n',
      15_000,
    );
  } finally {
    child.kill('SIGTERM');
  }
  assert.equal(await exit, 0);
});

describe('in trouble', { concurrency: true }, () => {
  test('a worker that cannot begin is not started again without a pause', async (t) => {
    const station = await serving(t, 1);
    station.refusing = true;
    const before = station.signed;
    process.kill((await station.ask('pids'))[0] ?? 0, 'SIGKILL');
    await until('a try', () => station.signed > before);
    await pause(2_000);
    const asked = station.signed - before;
    assert.ok(asked <= 12, `identity was asked ${asked} times`);
    assert.match((await station.ask('missing')).join(), /worker 0: starting/);
    station.refusing = false;
    await station.ready();
    assert.equal((await request(station.host, PORT)).status, 200);
  });

  test('workers that die at once are started ever more slowly', async (t) => {
    const station = await serving(t, 1);
    const seen = new Set<number>();
    const deadline = performance.now() + 2_000;
    while (performance.now() < deadline) {
      for (const pid of await station.ask('pids')) {
        if (seen.has(pid) || !alive(pid)) continue;
        seen.add(pid);
        process.kill(pid, 'SIGKILL');
      }
      await pause(5);
    }
    assert.ok(seen.size >= 3 && seen.size <= 12, `${seen.size} workers were started`);
    await station.ready();
  });
});

test('a worker told to end before it is ready is replaced all the same', async (t) => {
  const station = await serving(t, 1);
  const [first = 0] = await station.ask('pids');
  process.kill(first, 'SIGTERM');
  await until('a successor', async () => (await station.ask('pids')).some((pid) => pid !== first));
  const second = (await station.ask('pids')).find((pid) => pid !== first) ?? 0;
  process.kill(second, 'SIGTERM');
  await until(
    'one that was told nothing',
    async () => {
      const pids = await station.ask('pids');
      return pids.length === 1 && !pids.includes(first) && !pids.includes(second);
    },
    10_000,
  );
  await station.ready();
  assert.equal((await request(station.host, PORT)).status, 200);
});

test('a worker that dies while its successor starts gets no second one', async (t) => {
  const station = await serving(t, 1);
  const [first = 0] = await station.ask('pids');
  process.kill(first, 'SIGTERM');
  await until('a successor', async () => (await station.ask('pids')).length === 2);
  const successor = (await station.ask('pids')).filter((pid) => pid !== first);
  process.kill(first, 'SIGKILL');
  await until('it is gone', async () => !(await station.ask('pids')).includes(first));
  assert.deepEqual(await station.ask('pids'), successor);
  await station.ready();
  assert.deepEqual(await station.ask('pids'), successor);
});

test('where no process can be started another try is made, ever more slowly', async (t) => {
  const station = await serving(t, 1, { TEST_UNSTARTABLE_MS: '1500' });
  assert.equal((await request(station.host, PORT)).status, 200);
  const tries = station.log.match(/cannot be started: spawn/g)?.length ?? 0;
  assert.ok(tries >= 2 && tries <= 12, station.log);
});

/** Requests counted by all workers of `station`. */
async function counted(station: Station): Promise<number> {
  const page = await station.ask('metrics');
  return [...page.matchAll(/^isthmus_requests_total\{.*\} (\d+)$/gm)]
    .map(([, value]) => Number(value))
    .reduce((sum, value) => sum + value, 0);
}

test('what workers have counted does not fall when one of them ends, in peace or not', async (t) => {
  const station = await serving(t, 2);
  for (let each = 0; each < 20; each += 1) await request(station.host, PORT);
  assert.equal(await counted(station), 20);
  await station.replace(0, 'SIGKILL');
  assert.equal(await counted(station), 20);
  await station.replace(1, 'SIGTERM');
  assert.equal(await counted(station), 20);
  await request(station.host, PORT);
  assert.equal(await counted(station), 21);
});

test('what a worker counted is told when it ends in peace, though nobody asked before', async (t) => {
  const station = await serving(t, 1);
  for (let each = 0; each < 20; each += 1) await request(station.host, PORT);
  await station.replace(0, 'SIGTERM');
  await until('it has told', async () => (await counted(station)) === 20, 15_000);
});

test('nobody waits for what a worker that is still starting would say', async (t) => {
  const station = await serving(t, 2);
  process.kill((await station.ask('pids'))[0] ?? 0, 'SIGKILL');
  let slowestMs = 0;
  await until(
    'another is ready',
    async () => {
      const beganMs = performance.now();
      await station.ask('metrics');
      slowestMs = Math.max(slowestMs, performance.now() - beganMs);
      return (await station.ask('missing')).length === 0 && slowestMs > 0;
    },
    15_000,
  );
  assert.ok(slowestMs < 1_000, `${slowestMs} ms`);
});

/** An address by which `host` is a tenth of a second away, each way. */
async function farAway(t: TestContext, host: string): Promise<{ host: string; port: number }> {
  const server = net.createServer((near) => {
    const far = net.connect({ host, port: GATEWAY_PORT });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => undefined);
      from.on('data', (bytes) => setTimeout(() => to.write(bytes), 100));
      from.on('close', () => setTimeout(() => to.destroy(), 100));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port };
}

test('a link that is up stays up to whoever asks while a worker is replaced', async (t) => {
  const station = await serving(t, 1);
  const other = await startStation('east', 1);
  t.after(() => other.stop());
  other.set({ peers: new Map([['west', peerOfStation(station, { gateways: [] })]]) });
  const gateways = [await farAway(t, other.host)];
  station.set({ peers: new Map([['east', peerOfStation(other, { gateways })]]) });
  const links = async () => ((await station.ask('links')) as { connected: boolean }[][]).flat();
  await until('it is up', async () => (await links()).some(({ connected }) => connected));
  let over = false;
  const told = new Set<string>();
  const watching = (async () => {
    while (!over) told.add(JSON.stringify((await links()).map(({ connected }) => connected)));
  })();
  await station.replace(0, 'SIGTERM');
  await pause(500);
  over = true;
  await watching;
  assert.deepEqual([...told], ['[true]']);
});

test('each worker answers what is asked of the gateway', async (t) => {
  const station = await serving(t, 2);
  const other = await startStation('east', 2);
  t.after(() => other.stop());
  other.set({ peers: new Map([['west', peerOfStation(station)]]) });
  station.set({ peers: new Map([['east', peerOfStation(other)]]) });
  await other.ready();
  await until('both are connected', async () => {
    const links = (await station.ask('links')) as { connected: boolean }[][];
    return links.length === 2 && links.every((each) => each[0]?.connected);
  });
  for (let each = 0; each < 20; each += 1) await request(station.host, PORT);
  assert.equal(await counted(station), 20);
  assert.equal((await station.ask('balancer')).length, 2);
});
