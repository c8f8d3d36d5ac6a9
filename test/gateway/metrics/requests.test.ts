/** What is counted of requests, as Prometheus reads it, also summed over workers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestReport } from '#gateway/http/route.ts';
import { IDLE_MS, RequestMetrics } from '#gateway/metrics/requests.ts';
import { exporting, listener, request, startCluster } from '../world.ts';
import { Reader } from './reader.ts';

const ANSWERED: RequestReport = {
  service: 'shop/backend',
  status: 200,
  code: undefined,
  attempts: 1,
  hedges: 0,
  cluster: 'local',
  latencyMs: 3,
  opaque: false,
};

function counted(...reports: Partial<RequestReport>[]): RequestMetrics {
  const metrics = new RequestMetrics();
  for (const each of reports) metrics.count({ ...ANSWERED, ...each });
  return metrics;
}

function pageOf(...all: RequestMetrics[]): Promise<string> {
  return new Reader().page(...all.map((each) => ({ requests: each.take(0) })));
}

test('requests, latencies, retries and connections are counted by service and cluster', async () => {
  const metrics = counted(
    {},
    { latencyMs: 600, attempts: 3, cluster: 'east' },
    { status: 503, code: 'NO_ENDPOINT', cluster: undefined, latencyMs: 20_000 },
    { opaque: true },
    { opaque: true, code: 'UPSTREAM_CONNECT', cluster: undefined },
  );
  const text = await pageOf(metrics);
  const lines = new Set(text.split('\n'));
  for (const line of [
    'isthmus_requests_total{service="shop/backend",cluster="local",status="200",code=""} 1',
    'isthmus_requests_total{service="shop/backend",cluster="",status="503",code="NO_ENDPOINT"} 1',
    'isthmus_request_duration_seconds_bucket{le="0.0025",service="shop/backend",cluster="local"} 0',
    'isthmus_request_duration_seconds_bucket{le="0.005",service="shop/backend",cluster="local"} 1',
    'isthmus_request_duration_seconds_bucket{le="10",service="shop/backend",cluster=""} 0',
    'isthmus_request_duration_seconds_bucket{le="+Inf",service="shop/backend",cluster=""} 1',
    'isthmus_request_duration_seconds_sum{service="shop/backend",cluster="east"} 0.6',
    'isthmus_retries_total{service="shop/backend",cluster="east"} 2',
    'isthmus_opaque_connections_total{service="shop/backend",cluster="local",outcome="carried"} 1',
    'isthmus_opaque_connections_total{service="shop/backend",cluster="",outcome="failed"} 1',
  ]) {
    assert.ok(lines.has(line), line);
  }
});

test('what a gateway answers itself counts with the status that its client got', async (t) => {
  const west = await startCluster('west');
  t.after(() => west.stop());
  const gone = { host: '127.0.0.1', port: 1, podName: 'gone' };
  await west.set({
    ...exporting([gone]),
    listeners: new Map([[10_001, listener(10_001, { local: true })]]),
  });
  const grpc = { 'content-type': 'application/grpc' };
  const answers = [
    await request(west.host, 10_001),
    await request(west.host, 10_001, { method: 'POST', headers: grpc }),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [502, 200],
  );
  await west.set({ services: new Map() });
  assert.equal((await request(west.host, 10_001)).status, 503);
  const text = await new Reader().page(west.gateway.untold);
  const counted = text.matchAll(/^isthmus_requests_total\{.*status="(\d+)",code="(\w*)"\} (\d)$/gm);
  assert.deepEqual([...counted].map((each) => each.slice(1).join(' ')).toSorted(), [
    '200 UPSTREAM_CONNECT 1',
    '502 UPSTREAM_CONNECT 1',
    '503 NO_ENDPOINT 1',
  ]);
});

test('the counts of several workers add up', async () => {
  const text = await pageOf(counted({}, {}), counted({}));
  assert.match(text, /isthmus_requests_total\{[^}]*status="200"[^}]*\} 3/);
  assert.match(text, /isthmus_request_duration_seconds_count\{[^}]*\} 3/);
});

test('what was told is not told again, and what comes later is added', async () => {
  const reader = new Reader();
  const metrics = counted({}, { status: 404 });
  const page = () => reader.page({ requests: metrics.take(0) });
  const first = await page();
  assert.equal(await page(), first);
  metrics.count(ANSWERED);
  const later = await page();
  assert.match(later, /^isthmus_requests_total\{[^}]*status="200"[^}]*\} 2$/m);
  assert.match(later, /^isthmus_requests_total\{[^}]*status="404"[^}]*\} 1$/m);
  assert.match(later, /^isthmus_request_duration_seconds_count\{[^}]*\} 3$/m);
});

test('a pod that answers with ever another status makes few series, and all its answers count', async () => {
  const reader = new Reader();
  const metrics = new RequestMetrics();
  const text = async () => reader.page({ requests: metrics.take(0) });
  for (let round = 0; round < 3; round += 1) {
    for (let status = 200; status < 1_000; status += 1) {
      metrics.count({ ...ANSWERED, status });
      metrics.count({ ...ANSWERED, status, code: 'UPSTREAM_RESET' });
      if (status % 37 === 0) await text();
    }
  }
  const page = await text();
  const series = [...page.matchAll(/^isthmus_requests_total\{.* (\d+)$/gm)];
  assert.ok(series.length <= 100, `${series.length} series`);
  assert.equal(
    series.reduce((sum, [, value]) => sum + Number(value), 0),
    3 * 2 * 800,
  );
  assert.match(page, /status="5xx",code="UPSTREAM_RESET"/);
});

test('a worker keeps nothing of what it has told and does not count any more', () => {
  const metrics = new RequestMetrics();
  metrics.count(ANSWERED);
  const looked = (nowMs: number) => [...metrics.take(nowMs)].length;
  assert.equal(looked(0), 1);
  assert.equal(looked(IDLE_MS - 1), 1);
  assert.equal(looked(IDLE_MS), 1);
  assert.equal(looked(IDLE_MS), 0);
  metrics.count(ANSWERED);
  assert.equal([...metrics.take(IDLE_MS)][0]?.answers[0]?.[2], 1);
});
