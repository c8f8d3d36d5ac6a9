/** What the mirror controller hears from its own gateway, and which replica of it it believes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sleep, systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { systemRandom } from '#core/random.ts';
import { Feed } from '#mirror/feed.ts';
import type { GatewayReplica } from '#mirror/replicas.ts';
import { eventually } from '#test/kube/support.ts';

const HEARTBEAT_MS = 200;

/** A replica that tells the catalog of east at `revision`, and whether it hears east now. */
function replica(name: string, revision: number, hears: () => boolean): GatewayReplica {
  const line = (message: object) => Buffer.from(`${JSON.stringify(message)}\n`);
  const position = { epoch: 'e', revision };
  return {
    name,
    json: async () => ({ links: [{ clusterName: 'east', connected: hears(), error: null }] }),
    async *stream(_path, _idleMs, signal) {
      const cluster = { name: 'east', version: '1.0.0', trustBundle: 'PEM' };
      yield line({ kind: 'snapshot', position, cluster, exports: [] });
      while (!signal.aborted) {
        await sleep(systemClock, HEARTBEAT_MS, signal).catch(() => undefined);
        yield line({ kind: 'heartbeat', position });
      }
    },
  };
}

test('a replica that has lost the peer is left for one that hears it', async (t) => {
  let oneHears = true;
  const replicas = [replica('one', 3, () => oneHears), replica('two', 9, () => !oneHears)];
  const ending = new AbortController();
  t.after(() => ending.abort());
  const feed = new Feed({
    replicas: () => replicas,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    onChange: () => undefined,
  });
  void feed.poll(ending.signal);
  feed.follow(new Map([['east', 'trust']]), ending.signal);
  const revision = () => feed.catalogs.get('east')?.catalog.position.revision;
  await eventually('the first tells', () => revision() === 3);
  oneHears = false;
  await eventually('the other is asked', () => revision() === 9);
  assert.equal(feed.linkStates?.get('east')?.connected, true);
});

const position = { epoch: 'e', revision: 1 };
const cluster = { name: 'east', version: '1', trustBundle: 'PEM' };
const entry = (name: string) => ({
  ...{ namespace: 'shop', name, createdAt: '2026-01-01T00:00:00Z', ports: [{ port: 80 }] },
  readyEndpoints: 1,
});

test('half of a catalog withdraws nothing: it counts when all of it has come', async () => {
  const messages = [
    { kind: 'snapshot', position, cluster, exports: [entry('a')], more: true },
    { kind: 'heartbeat', position },
    { kind: 'delta', position, changed: [entry('b')], more: true },
    { kind: 'delta', position, changed: [entry('c')] },
  ];
  const ended = new AbortController();
  const whole: GatewayReplica = {
    name: 'one',
    json: () => Promise.reject(new Error('nobody asks')),
    stream: async function* (_path, _idleMs, signal) {
      for (const message of messages) yield Buffer.from(`${JSON.stringify(message)}\n`);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  };
  const sizes: (number | undefined)[] = [];
  await new Promise<void>((resolve) => {
    const feed = new Feed({
      ...{ replicas: () => [whole], clock: systemClock, random: systemRandom, log: silentLogger },
      onChange: () => {
        sizes.push(feed.catalogs.get('east')?.catalog.exports.size);
        if (sizes.at(-1) === 3) resolve();
      },
    });
    feed.follow(new Map([['east', 'trust']]), ended.signal);
  });
  ended.abort();
  assert.deepEqual(sizes, [3]);
});
