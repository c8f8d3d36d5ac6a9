/** What a worker has to tell costs no turn of its event loop much, and is added up to what it counted. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestReport } from '#gateway/http/route.ts';
import { RequestMetrics } from '#gateway/metrics/requests.ts';
import { Tally } from '#gateway/metrics/tally.ts';
import { type Portion, tellAll } from '#gateway/metrics/telling.ts';

const SERVICES = 4_000;

function report(change: Partial<RequestReport>): RequestReport {
  const answered = { service: 'shop/backend', status: 200, code: undefined, cluster: 'local' };
  return { ...answered, attempts: 1, hedges: 0, latencyMs: 3, opaque: false, ...change };
}

function countEach(metrics: RequestMetrics): void {
  for (let each = 0; each < SERVICES; each += 1)
    metrics.count(report({ service: `shop/backend-${each}` }));
}

/** What a `tellAll` sends, and the turn of the event loop in which it sent that. */
async function told(metrics: RequestMetrics, peers = 0) {
  let turn = 0;
  let isOver = false;
  const count = () => {
    turn += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const portions: { readonly turn: number; readonly portion: Portion }[] = [];
  const rows = Array.from({ length: peers }, (_, each) => ({
    cluster: `c${each}`,
    connected: true,
    roundTripMs: 1,
    tunnels: 2,
  }));
  const untold = { requests: metrics.take(0), budgets: [], peers: rows };
  await tellAll(untold, async (portion) => {
    portions.push({ turn, portion });
  });
  isOver = true;
  return portions;
}

describe('a worker that knows thousands of services', () => {
  test('tells a few of them in a turn, and all in the end', async () => {
    const metrics = new RequestMetrics();
    countEach(metrics);
    const portions = await told(metrics, 1_000);
    const perTurn = new Map<number, number>();
    for (const { turn, portion } of portions) {
      const { length } = [...(portion.requests ?? []), ...(portion.peers ?? [])];
      perTurn.set(turn, (perTurn.get(turn) ?? 0) + length);
    }
    assert.ok(Math.max(...perTurn.values()) <= 64, `${Math.max(...perTurn.values())} in a turn`);
    const services = portions.flatMap(({ portion }) => portion.requests ?? []);
    assert.equal(new Set(services.map(({ service }) => service)).size, SERVICES);
    assert.equal(portions.flatMap(({ portion }) => portion.peers ?? []).length, 1_000);
  });

  test('tells only those that counted since it last did', async () => {
    const metrics = new RequestMetrics();
    countEach(metrics);
    await told(metrics);
    assert.deepEqual(await told(metrics), []);
    metrics.count(report({ service: 'shop/backend-7' }));
    const [only, ...others] = await told(metrics);
    assert.deepEqual(others, []);
    assert.deepEqual(
      only?.portion.requests?.map(({ service, answers }) => [service, answers]),
      [['shop/backend-7', [[200, '', 1]]]],
    );
  });

  test('loses and doubles nothing of what it counts while it tells, also twice at once', async () => {
    const metrics = new RequestMetrics();
    const tally = new Tally();
    const add = async (portion: Portion) => tally.add(portion);
    countEach(metrics);
    const untold = () => ({ requests: metrics.take(0), budgets: [], peers: [] });
    const both = [tellAll(untold(), add), tellAll(untold(), add)];
    for (let round = 1; round < 5; round += 1) {
      countEach(metrics);
      await new Promise(setImmediate);
    }
    await Promise.all([...both, tellAll(untold(), add)]);
    await tellAll(untold(), add);
    const page = await tally.text([]);
    const counts = [...page.matchAll(/^isthmus_requests_total\{.*\} (\d+)$/gm)].map(
      ([, value]) => value,
    );
    assert.equal(counts.length, SERVICES);
    assert.deepEqual(new Set(counts), new Set(['5']));
  });
});

test('what a page says of one service is of one moment, though it takes many turns to write', async () => {
  const tally = new Tally();
  const metrics = new RequestMetrics();
  const add = () =>
    tellAll({ requests: metrics.take(0), budgets: [], peers: [] }, async (portion) =>
      tally.add(portion),
    );
  countEach(metrics);
  await add();
  let isOver = false;
  const counting = (async () => {
    while (!isOver) {
      countEach(metrics);
      await add();
    }
  })();
  const page = await tally.text([]);
  isOver = true;
  await counting;
  const values = (pattern: RegExp) =>
    new Map([...page.matchAll(pattern)].map(([, service = '', value]) => [service, value]));
  const requests = values(/^isthmus_requests_total\{service="([^"]*)".*\} (\d+)$/gm);
  const latencies = values(
    /^isthmus_request_duration_seconds_count\{service="([^"]*)".*\} (\d+)$/gm,
  );
  assert.equal(requests.size, SERVICES);
  assert.deepEqual(latencies, requests);
  assert.ok(new Set(requests.values()).size > 1, 'nothing was added meanwhile');
});
