/** What becomes of what is told of services and linked clusters, once they are gone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balanceKey } from '#gateway/balance/balancer.ts';
import { RequestMetrics } from '#gateway/metrics/requests.ts';
import { GONE_MAX, GONE_MS } from '#gateway/metrics/series.ts';
import { Tally } from '#gateway/metrics/tally.ts';
import { tellAll } from '#gateway/metrics/telling.ts';
import { emptySnapshot } from '#gateway/snapshot/types.ts';
import { serviceOf, TARGET } from '../resilience/kit.ts';
import { Reader } from './reader.ts';

const ANSWERED = { status: 200, code: undefined, attempts: 1, hedges: 0, latencyMs: 3 };

/** What a `tally` tells of, each once. */
async function toldOf(tally: Tally): Promise<string[]> {
  const page = await tally.text([]);
  const all = page.matchAll(/\{(?:le="[^"]*",)?service="([^"]*)"(?:,cluster="([^"]*)")?/g);
  return [...new Set([...all].map(([, service, cluster]) => `${service} ${cluster ?? ''}`))];
}

test('series of a service or linked cluster go with it, after ten minutes', async () => {
  const reader = new Reader();
  const requests = new RequestMetrics();
  const { send, guards } = serviceOf(1);
  send();
  for (const cluster of ['local', 'east', undefined])
    requests.count({ ...ANSWERED, service: 'shop/backend', cluster, opaque: false });
  requests.count({ ...ANSWERED, service: 'shop/other', cluster: 'local', opaque: true });
  await reader.page({ requests: requests.take(0), budgets: guards.take(0) });
  const { tally } = reader;
  const there = { services: new Set(['shop/backend']), clusters: new Set(['east']) };
  const all = ['shop/backend local', 'shop/backend east', 'shop/backend ', 'shop/other local'];
  tally.forget(there, 0);
  tally.forget(there, GONE_MS - 1);
  assert.deepEqual(await toldOf(tally), all);
  tally.forget(there, GONE_MS);
  assert.deepEqual(await toldOf(tally), all.slice(0, 3));
  const unlinked = { ...there, clusters: new Set<string>() };
  tally.forget(unlinked, GONE_MS);
  tally.forget(unlinked, 2 * GONE_MS);
  assert.deepEqual(await toldOf(tally), ['shop/backend local', 'shop/backend ']);
  tally.forget({ services: new Set(), clusters: new Set() }, 2 * GONE_MS);
  tally.forget({ services: new Set(), clusters: new Set() }, 3 * GONE_MS);
  assert.equal(tally.size, 0);
});

test('a hundred thousand services that come, are asked and go leave no more than a bound', async () => {
  const requests = new RequestMetrics();
  const tally = new Tally();
  const there = { services: new Set<string>(), clusters: new Set<string>() };
  let kept = 0;
  for (let second = 0; second < 1_000; second += 1) {
    for (let each = 0; each < 100; each += 1) {
      const service = `shop/backend-${second}-${each}`;
      requests.count({ ...ANSWERED, service, cluster: 'local', opaque: false });
    }
    if (second % 10 !== 0) continue;
    const rows = [...requests.take(second * 1_000)];
    kept = Math.max(kept, rows.length);
    await tellAll({ requests: rows, budgets: [], peers: [] }, async (portion) =>
      tally.add(portion),
    );
    tally.forget(there, second * 1_000);
  }
  assert.ok(kept <= 100 * 90, `a worker kept ${kept}`);
  assert.ok(tally.size <= GONE_MAX, `${tally.size} are told`);
});

test('a worker keeps no budget counts of a service that is gone', () => {
  const { guards, balancer } = serviceOf(1);
  const guard = guards.of(balanceKey(TARGET));
  const told = (nowMs: number) => [...guards.take(nowMs)];
  assert.deepEqual(
    told(0).map((row) => row?.service),
    ['shop/backend'],
  );
  assert.deepEqual(told(10_000_000), [undefined]);
  balancer.update(emptySnapshot);
  // What is under way may still fail.
  guard?.mayRetry(10_000_000);
  assert.equal(told(10_000_000)[0]?.retriesAllowed, 1);
  assert.deepEqual(told(10_059_999), [undefined]);
  assert.deepEqual(told(10_060_000), [undefined]);
  assert.deepEqual(told(10_060_000), []);
});
