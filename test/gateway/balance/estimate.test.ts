/** What attempts teach: estimates, success rates, and when a second attempt is worth it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, pods } from './support.ts';

function measured(...keys: readonly string[]) {
  const bench = new Bench();
  bench.balancer.update(pods(...keys), [], 0);
  for (const key of keys) bench.attempt(bench.local(key), 'success', 50);
  return bench;
}

test('a failure never makes an endpoint look faster', () => {
  const bench = measured('a');
  const before = bench.report('a');
  bench.attempt(bench.local('a'), 'failure', 1);
  assert.ok(bench.report('a').cost > before.cost);
  assert.equal(bench.report('a').latencyMs, before.latencyMs);
});

test('attempts that were given up can only raise an estimate, and are no failures', () => {
  for (const outcome of ['cancelled', 'superseded'] as const) {
    const bench = measured('a');
    bench.attempt(bench.local('a'), outcome, 10);
    assert.equal(bench.report('a').latencyMs, 50);
    bench.attempt(bench.local('a'), outcome, 150);
    assert.equal(bench.report('a').latencyMs, 80);
    assert.equal(bench.report('a').success, 1);
  }
});

test('in-flight requests are counted exactly, however they end', () => {
  const bench = measured('a');
  for (const outcome of ['success', 'failure', 'refused', 'cancelled', 'superseded'] as const)
    bench.attempt(bench.local('a'), outcome, 1);
  assert.equal(bench.report('a').inFlight, 0);
  assert.equal(bench.report('a').waiting, 0);
});

test('an answer after a pause is believed, one of many only in part', () => {
  const bench = measured('a');
  bench.attempt(bench.local('a'), 'success', 10);
  const inStream = bench.report('a').latencyMs ?? 0;
  assert.ok(inStream >= 46 - 1e-9, `${inStream}`);
  bench.pass(4_000);
  bench.attempt(bench.local('a'), 'success', 10);
  assert.ok((bench.report('a').latencyMs ?? 0) < 11);
});

test('an idle endpoint is taken to be like its neighbours in the end, never free', () => {
  const bench = measured('a', 'b', 'c');
  for (let at = 0; at < 20; at += 1) bench.attempt(bench.local('c'), 'success', 500);
  const before = bench.report('c').latencyMs ?? 0;
  assert.ok(before > 400);
  for (let at = 0; at < 120; at += 1) {
    bench.attempt(bench.local(at % 2 === 0 ? 'a' : 'b'), 'success', 50);
    bench.pass(200);
    bench.pick();
  }
  const after = bench.report('c').latencyMs ?? 0;
  assert.ok(after < 150 && after >= 50, `${after}`);
});

test('an endpoint that was slow once is asked again, though something stays open there', () => {
  const bench = measured('a', 'b');
  // A connection of a pool, a WebSocket or a watch each: answered long ago, and never at its end.
  for (const key of ['a', 'b']) {
    bench.balancer.begin(bench.local(key), bench.nowMs);
    bench.balancer.answered(bench.local(key), bench.nowMs, bench.nowMs, 50);
  }
  for (let at = 0; at < 20; at += 1) bench.attempt(bench.local('a'), 'success', 2_000);
  let turn = 0;
  const shares = bench.serve(1_000, () => 45 + (turn++ % 5) * 2, 50);
  assert.ok((shares.get('a') ?? 0) > 100, `a got ${shares.get('a')}`);
});

test('an endpoint is explored though something stays open there, not while somebody waits for it', () => {
  const explored = (isAnswered: boolean) => {
    const bench = measured('a', 'b');
    const a = bench.local('a');
    bench.balancer.begin(a, bench.nowMs);
    if (isAnswered) bench.balancer.answered(a, bench.nowMs, bench.nowMs, 500);
    let count = 0;
    for (let at = 0; at < 2_000; at += 1) {
      if (bench.pick([], true).key === 'a' && bench.balancer.explored) count += 1;
      bench.attempt(bench.local('b'), 'success', 5);
    }
    return count;
  };
  assert.ok(explored(true) > 0);
  assert.equal(explored(false), 0);
});

test('a new endpoint is guessed to take what its group takes', () => {
  const bench = measured('a', 'b');
  bench.pass(250);
  bench.balancer.update(pods('a', 'b', 'c'), [], bench.nowMs);
  assert.equal(bench.report('c').latencyMs, null);
  assert.equal(bench.report('c').cost, 50);
});

test('a second attempt is worth it after the p95 of first bytes, and twice their median', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), [], 0);
  assert.ok(Number.isNaN(bench.balancer.hedgeDelayMs));
  for (let at = 0; at < 200; at += 1) {
    bench.attempt(bench.pick(), 'success', at % 10 === 0 ? 40 : 4);
  }
  bench.pass(3_000);
  const slowMs = bench.balancer.hedgeDelayMs;
  assert.ok(slowMs > 35 && slowMs < 45, `${slowMs}`);
  assert.equal(bench.balancer.explorationHedgeMs, 20);
  for (let at = 0; at < 200; at += 1) bench.attempt(bench.pick(), 'success', 4);
  bench.pass(3_000);
  const fastMs = bench.balancer.hedgeDelayMs;
  assert.ok(fastMs >= 8 && fastMs < 9, `${fastMs}`);
  assert.equal(bench.balancer.explorationHedgeMs, fastMs);
});
