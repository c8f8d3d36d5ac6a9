/** What is learnt of how many requests a pod serves at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '#gateway/balance/endpoint.ts';
import { Bench, pods } from './support.ts';

/** Asks `endpoint` in bursts of `size`; the `n`-th of a burst takes `takesMs(n)`. */
function burst(bench: Bench, endpoint: Endpoint, size: number, takesMs: (n: number) => number) {
  // Nobody learns of a service that is not asked for.
  bench.pick();
  const startMs = bench.nowMs;
  const loads = Array.from({ length: size }, () => bench.balancer.begin(endpoint, startMs));
  for (const load of loads) {
    bench.nowMs = startMs + takesMs(load);
    const { balancer, nowMs } = bench;
    balancer.end(endpoint, startMs, nowMs, 'success', nowMs - startMs, false, load);
  }
  bench.pass(100);
}

/** What one more request at `key` costs, in units of one where nothing is under way, with `load` waiting there. */
function costAt(bench: Bench, key: string, load: number): number {
  const endpoint = bench.local(key);
  const alone = bench.report(key).cost;
  for (let at = 0; at < load; at += 1) bench.balancer.begin(endpoint, bench.nowMs);
  const { cost } = bench.report(key);
  for (let at = 0; at < load; at += 1)
    bench.balancer.end(endpoint, bench.nowMs, bench.nowMs, 'cancelled', Number.NaN, false);
  return cost / alone;
}

test('a pod of which nothing is known is taken to serve one request after the other', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), [], 0);
  assert.equal(Math.round(costAt(bench, 'a', 9)), 10);
});

test('where latency does not grow with what is under way, a familiar load costs little', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), [], 0);
  for (let at = 0; at < 10; at += 1) burst(bench, bench.local('a'), 20, () => 5);
  assert.ok(costAt(bench, 'a', 10) < 2, `${costAt(bench, 'a', 10)}`);
  const beyond = costAt(bench, 'a', 60) - costAt(bench, 'a', 50);
  assert.ok(beyond > 9.9, `ten more than ever before cost ${beyond}`);
});

test('where requests wait for each other, every one of them costs a whole one', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), [], 0);
  for (let at = 0; at < 10; at += 1) burst(bench, bench.local('a'), 20, (n) => 5 * (n + 1));
  assert.ok(costAt(bench, 'a', 10) > 9, `${costAt(bench, 'a', 10)}`);
});

test('a pod that becomes slow under load is believed within a burst or two', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), [], 0);
  for (let at = 0; at < 10; at += 1) burst(bench, bench.local('a'), 20, () => 5);
  for (let at = 0; at < 2; at += 1) burst(bench, bench.local('a'), 20, (n) => 5 * (n + 1));
  bench.pass(250);
  assert.ok(costAt(bench, 'a', 10) > 5, `${costAt(bench, 'a', 10)}`);
});

test('a pod that falls silent is soon given no more than one of which nothing is known', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), [], 0);
  for (let at = 0; at < 10; at += 1) burst(bench, bench.local('a'), 20, () => 5);
  for (let at = 0; at < 6; at += 1) {
    const startMs = bench.nowMs;
    bench.balancer.begin(bench.local('a'), startMs);
    bench.nowMs += 20;
    bench.balancer.end(bench.local('a'), startMs, bench.nowMs, 'superseded', Number.NaN, false);
  }
  assert.ok(costAt(bench, 'a', 10) > 9, `${costAt(bench, 'a', 10)}`);
  bench.pick();
  bench.pass(250);
  assert.ok(costAt(bench, 'a', 10) > 9, `${costAt(bench, 'a', 10)}`);
});

test('who comes back after an outage is unknown again', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), [], 0);
  for (let at = 0; at < 10; at += 1) burst(bench, bench.local('a'), 20, () => 5);
  bench.attempt(bench.local('a'), 'refused', 0);
  bench.pass(2_000);
  const due = bench.balancer.takeProbe(bench.nowMs);
  assert.ok(due);
  bench.balancer.probed(due, true, bench.nowMs);
  assert.equal(Math.round(costAt(bench, 'a', 9)), 10);
});

test('what is being answered counts in full, whatever waiting costs', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), [], 0);
  for (let at = 0; at < 10; at += 1) burst(bench, bench.local('a'), 20, () => 5);
  const alone = bench.report('a').cost;
  const endpoint = bench.local('a');
  for (let at = 0; at < 9; at += 1) {
    const load = bench.balancer.begin(endpoint, bench.nowMs);
    bench.balancer.answered(endpoint, bench.nowMs, bench.nowMs, 5, load);
  }
  assert.ok(bench.report('a').cost / alone > 9, `${bench.report('a').cost / alone}`);
});
