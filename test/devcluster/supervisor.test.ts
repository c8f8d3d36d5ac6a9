/** A whole clusterset: booted from one call, reachable, killable piece by piece, gone at the end. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import { FREE_BLOCK_MAX } from '#devcluster/supervisor/blocks.ts';
import { bootClusters } from '#devcluster/supervisor/boot.ts';
import type { ClusterPids } from '#devcluster/supervisor/cluster.ts';
import { pods } from '#kube/resources/builtin.ts';

const FIXTURE = fileURLToPath(new URL('fixtures/supervisor.ts', import.meta.url));

function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-supervisor-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A process that ended but that its new parent has not waited for yet (Linux: state Z) is gone. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== 'linux') return true;
    const [, state] = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state !== 'Z';
  } catch {
    return false;
  }
}

function allPids(pids: ClusterPids): number[] {
  const each = [pids.apiServer, pids.mirror, pids.identity, ...pids.gateways];
  return each.filter((pid) => pid !== undefined);
}

async function within(timeoutMs: number, what: string, probe: () => boolean): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!probe()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function bootWest(directory: string) {
  return bootClusters({
    clusters: [{ name: 'west' }],
    directory,
    compileCache: process.env.NODE_COMPILE_CACHE,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    signal: new AbortController().signal,
  });
}

test('A cluster boots with all components, survives the loss of its API server, and is gone at the end', async (t) => {
  const directory = scratch(t);
  const set = await bootWest(directory);
  t.after(() => set.stop());
  const west = set.cluster('west');
  const pids = allPids(west.pids);
  assert.equal(west.gateways.length, 2);
  assert.equal(pids.length, 5);
  const found = await west.client.list(pods, { namespace: 'isthmus-system' });
  assert.equal(found.length, 4);

  const state = JSON.parse(readFileSync(set.stateFile, 'utf8')).clusters.west;
  assert.equal(state.context, 'west');
  assert.equal(state.gateways.length, 2);
  assert.match(state.gateways[0], /:\d+$/);
  assert.deepEqual(state.pids.gateways, west.pids.gateways);
  for (const path of [set.kubeconfig, west.kubeconfig, set.stateFile]) {
    assert.equal(statSync(path).mode & 0o777, 0o600, path);
  }

  assert.equal(west.kill('apiServer'), 1);
  await within(2_000, 'the API server is gone', () => west.pids.apiServer === undefined);
  assert.equal(west.gateways.filter((each) => each.ready).length, 2);

  const began = performance.now();
  await set.stop();
  assert.ok(performance.now() - began < 2_000);
  assert.deepEqual(pids.filter(isAlive), []);
});

test('Every process ends within two seconds of a supervisor that was killed with -9', async (t) => {
  const directory = scratch(t);
  const child = spawn(process.execPath, [FIXTURE, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const line = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  const pids = allPids(JSON.parse(line));
  assert.equal(pids.filter(isAlive).length, 5);
  child.kill('SIGKILL');
  await within(2_000, 'every process is gone', () => !pids.some(isAlive));
});

test('A component whose address is taken fails the boot soon, and by the name of the address', async (t) => {
  const directory = scratch(t);
  const holder = createServer();
  // No boot takes this block by itself.
  const host = `127.${FREE_BLOCK_MAX + 1}.16.1`;
  await once(holder.listen({ host, port: 4143 }), 'listening');
  t.after(() => holder.close());
  const told: string[] = [];
  const booting = bootClusters({
    clusters: [{ name: 'west', block: FREE_BLOCK_MAX + 1 }],
    directory,
    compileCache: process.env.NODE_COMPILE_CACHE,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    onWait: (text) => told.push(text),
    signal: new AbortController().signal,
  });
  await assert.rejects(booting, { code: 'ADDRESS_IN_USE', field: `${host}:4143` });
  assert.match(told[0] ?? '', /^still waiting for west: \d of \d pods are ready$/);
});

test('Clusters that cannot be named are refused before anything starts', async (t) => {
  const directory = scratch(t);
  const boot = (...names: string[]) =>
    bootClusters({
      clusters: names.map((name) => ({ name })),
      directory,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      signal: new AbortController().signal,
    });
  await assert.rejects(boot('west', 'west'), { code: 'CLUSTER_NAME_CONFLICT' });
  await assert.rejects(boot('global'), { code: 'USAGE' });
  await assert.rejects(boot('West'), { code: 'USAGE' });
});
