/** Whom a request goes to among the members of one group. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Strategy } from '#gateway/snapshot/traffic.ts';
import { Bench, pods, settingsWith } from './support.ts';

const keysOf = (count: number) => Array.from({ length: count }, (_, at) => `p${at}`);

test('the fastest endpoint of many gets most', () => {
  const bench = new Bench(7);
  bench.balancer.update(pods(...keysOf(10)), [], 0);
  const shares = bench.serve(2_000, (key) => 1 + 100 * Number(key.slice(1)));
  assert.ok((shares.get('p0') ?? 0) > 1_900, `p0 got ${shares.get('p0')}`);
});

test('endpoints that are alike get alike', () => {
  for (const strategy of ['ewma', 'leastRequest', 'roundRobin', 'random'] as const) {
    const bench = new Bench(3, settingsWith({ balancer: { strategy } }));
    bench.balancer.update(pods(...keysOf(20)), [], 0);
    // Answers come in the order of the requests, ten at a time.
    const open: { readonly endpoint: ReturnType<Bench['pick']>; readonly startMs: number }[] = [];
    const shares = new Map<string, number>();
    for (let at = 0; at < 20_000; at += 1) {
      const endpoint = bench.pick();
      shares.set(endpoint.key, (shares.get(endpoint.key) ?? 0) + 1);
      bench.balancer.begin(endpoint, bench.nowMs);
      open.push({ endpoint, startMs: bench.nowMs });
      bench.pass(0.5);
      const oldest = open.length > 10 ? open.shift() : undefined;
      if (oldest === undefined) continue;
      const tookMs = bench.nowMs - oldest.startMs;
      bench.balancer.end(oldest.endpoint, oldest.startMs, bench.nowMs, 'success', tookMs, false);
    }
    const [least, most] = [Math.min(...shares.values()), Math.max(...shares.values())];
    assert.ok(most <= 2_000 && least >= 500, `${strategy}: ${least} to ${most} of 20,000`);
  }
});

test('an endpoint nobody knows is tried, and left alone once it is known to be slow', () => {
  const bench = new Bench(5);
  bench.balancer.update(pods(...keysOf(10)), [], 0);
  const shares = bench.serve(1_000, (key) => (key === 'p3' ? 1_000 : 2));
  assert.ok((shares.get('p3') ?? 0) <= 2, `p3 got ${shares.get('p3')}`);
});

test('an endpoint that never answers is avoided before any timeout', () => {
  const bench = new Bench();
  bench.balancer.update(pods('black-hole', 'sound'), [], 0);
  for (const key of ['black-hole', 'sound']) bench.attempt(bench.local(key), 'success', 2);
  bench.balancer.begin(bench.local('black-hole'), bench.nowMs);
  bench.pass(100);
  for (let at = 0; at < 20; at += 1) assert.equal(bench.pick().key, 'sound');
});

test('an open connection that was answered is no black hole', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), [], 0);
  for (const key of ['a', 'b']) bench.attempt(bench.local(key), 'success', 2);
  const startMs = bench.nowMs;
  bench.balancer.begin(bench.local('a'), startMs);
  bench.pass(2);
  bench.balancer.answered(bench.local('a'), startMs, bench.nowMs, 2);
  bench.pass(60_000);
  assert.equal(bench.report('a').cost, 4, 'connect time, and one connection that is open');
  bench.balancer.end(bench.local('a'), startMs, bench.nowMs, 'success', 2, true);
  assert.equal(bench.report('a').cost, 2);
});

test('who was tried is not asked again, whatever stands beside it', () => {
  for (const count of [1, 2, 4, 5, 50]) {
    for (const strategy of ['ewma', 'leastRequest', 'roundRobin', 'random'] as const) {
      const bench = new Bench(count, settingsWith({ balancer: { strategy } }));
      bench.balancer.update(pods(...keysOf(count)), [], 0);
      for (let at = 0; at < 50; at += 1) {
        const first = bench.pick();
        const second = bench.balancer.pick(0, [first], false);
        const third = second && bench.balancer.pick(0, [first, second], false);
        const asked = [first, second, third].filter((each) => each !== undefined);
        assert.equal(new Set(asked).size, Math.min(3, count), `${strategy} of ${count}`);
        assert.equal(asked.length, Math.min(3, count));
      }
    }
  }
});

test('a later attempt goes to the best of many that are left', () => {
  const bench = new Bench(2);
  bench.balancer.update(pods(...keysOf(20)), [], 0);
  bench.serve(2_000, (key) => (key === 'p3' ? 1 : key === 'p7' ? 2 : 500));
  const [best, second] = [bench.local('p3'), bench.local('p7')];
  for (let at = 0; at < 20; at += 1) {
    assert.equal(bench.pick(), best);
    assert.equal(bench.pick([best]), second);
    assert.equal(bench.balancer.pickBeside(bench.nowMs, [best], 1), second);
  }
});

test('ejected endpoints are used only when nothing else is left', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), [], 0);
  bench.attempt(bench.local('a'), 'refused', 0);
  for (let at = 0; at < 20; at += 1) assert.equal(bench.pick().key, 'b');
  bench.attempt(bench.local('b'), 'refused', 0);
  assert.ok(bench.pick(), 'a guess is better than a refusal');
});

test('who was asked for want of others is left alone once others are back', () => {
  const bench = new Bench();
  bench.balancer.update(pods(...keysOf(12)), [], 0);
  for (const key of keysOf(12)) bench.attempt(bench.local(key), 'success', key === 'p0' ? 1 : 5);
  const best = bench.local('p0');
  for (const key of keysOf(12)) bench.balancer.penalise(bench.local(key), bench.nowMs + 1_000);
  while (bench.pick() !== best);
  bench.balancer.penalise(best, bench.nowMs + 60_000);
  bench.pass(1_500);
  for (let at = 0; at < 100; at += 1) assert.notEqual(bench.pick(), best);
});

test('who asked to be left alone is, while others are there', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), [], 0);
  bench.balancer.penalise(bench.local('a'), 2_000);
  for (let at = 0; at < 20; at += 1) assert.equal(bench.pick().key, 'b');
  bench.balancer.penalise(bench.local('b'), 5_000);
  assert.ok(bench.pick());
  bench.pass(2_500);
  for (let at = 0; at < 20; at += 1) assert.equal(bench.pick().key, 'a');
});

test('static weights are followed', () => {
  const check = (strategy: Strategy) => {
    const bench = new Bench(9, settingsWith({ balancer: { strategy } }));
    const weights = keysOf(8).map((key, at) => ({ key, weight: at === 0 ? 4 : 1 }));
    bench.balancer.update(weights, [], 0);
    bench.pass(250);
    const open: ReturnType<Bench['pick']>[] = [];
    const counts = new Map<string, number>();
    for (let at = 0; at < 11_000; at += 1) {
      const endpoint = bench.pick();
      counts.set(endpoint.key, (counts.get(endpoint.key) ?? 0) + 1);
      bench.balancer.begin(endpoint, bench.nowMs);
      open.push(endpoint);
      const oldest = open.length > 44 ? open.shift() : undefined;
      if (oldest) bench.balancer.end(oldest, bench.nowMs, bench.nowMs, 'success', 5, false);
    }
    return (counts.get('p0') ?? 0) / 11_000;
  };
  for (const strategy of ['ewma', 'leastRequest', 'roundRobin', 'random'] as const) {
    const share = check(strategy);
    assert.ok(Math.abs(share - 4 / 11) < 0.06, `${strategy}: ${share}`);
  }
});

test('round robin asks one after the other', () => {
  const bench = new Bench(1, settingsWith({ balancer: { strategy: 'roundRobin' } }));
  bench.balancer.update(pods('a', 'b', 'c'), [], 0);
  const asked = Array.from({ length: 6 }, () => bench.pick().key).join('');
  assert.equal(asked, 'abcabc');
});

test('the same seed makes the same choices', () => {
  const trace = () => {
    const bench = new Bench(42);
    bench.balancer.update(pods(...keysOf(6)), [], 0);
    return [...bench.serve(500, (key) => 3 + Number(key.slice(1)))];
  };
  assert.deepEqual(trace(), trace());
});
