/** Local or remote: which of two groups a request goes to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, cluster, pods, settingsWith } from './support.ts';

test('local keeps everything while it is not clearly worse', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b', 'c'), cluster(), 0);
  const shares = bench.serve(1_000, (key) => (key === 'east' ? 22 : 2));
  assert.equal(shares.get('east') ?? 0, 0);
});

test('a slow local group spills to a clearly better cluster', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), cluster(), 0);
  const shares = bench.serve(1_000, (key) => (key === 'east' ? 20 : 500));
  assert.ok((shares.get('east') ?? 0) > 950, `east got ${shares.get('east')}`);
  assert.equal(bench.balancer.spilling, true);
});

test('a local group that turns slow spills, though nobody knows how the others do', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), cluster(), 0);
  bench.serve(5_000, () => 2);
  const shares = bench.serve(1_000, (key) => (key === 'east' ? 20 : 500));
  assert.ok((shares.get('east') ?? 0) > 950, `east got ${shares.get('east')}`);
});

test('a cluster that could be clearly better is explored, though local is all that is known', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), cluster(), 0);
  bench.pick();
  bench.attempt(bench.local('a'), 'success', 500);
  bench.pass(250);
  assert.equal(bench.pick().key, 'a');
  const asked = new Set<string>();
  for (let at = 0; at < 500; at += 1) {
    const endpoint = bench.pick([], true);
    if (endpoint.key === 'east') assert.equal(bench.balancer.explored, asked.size < 2);
    asked.add(endpoint.key);
    bench.attempt(endpoint, 'success', endpoint.key === 'east' ? 20 : 500);
  }
  assert.ok(asked.has('east'));
  assert.equal(bench.pick().key, 'east');
});

test('preference and tolerance say what is clearly better', () => {
  const served = (preference: number, toleranceMs: number) => {
    const bench = new Bench(1, settingsWith({ locality: { preference, toleranceMs } }));
    bench.balancer.update(pods('a'), cluster(), 0);
    return bench.serve(200, (key) => (key === 'east' ? 22 : 60)).get('east') ?? 0;
  };
  assert.ok(served(1.5, 5) > 150);
  assert.ok(served(3, 5) < 5);
  assert.ok(served(1.5, 50) < 5);
});

test('a retry after a failure goes to another cluster, whatever local endpoints are left', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), cluster(), 0);
  bench.attempt(bench.local('a'), 'failure', 1);
  assert.equal(bench.pick([bench.local('a')]).key, 'east');
  bench.balancer.update(pods('a', 'b'), cluster(0), 0);
  assert.equal(bench.pick([bench.local('a')]).key, 'b');
});

test('a retry after a failure of a cluster comes home', () => {
  const bench = new Bench();
  const remote = [...cluster(), { cluster: 'north', weight: 3, roundTripMs: 20 }];
  bench.balancer.update(pods('a'), remote, 0);
  const east = bench.balancer.remote.find('east');
  assert.ok(east);
  bench.attempt(east, 'failure', 1);
  assert.equal(bench.pick([east]).key, 'a');
});

test('the hedge of a slow attempt stays local while local is good, and leaves a black hole', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), cluster(), 0);
  for (const key of ['a', 'b']) bench.attempt(bench.local(key), 'success', 2);
  bench.balancer.begin(bench.local('a'), bench.nowMs);
  bench.pass(10);
  const beside = () => bench.balancer.pickBeside(bench.nowMs, [bench.local('a')], 10);
  assert.equal(beside()?.key, 'b');
  bench.balancer.begin(bench.local('b'), bench.nowMs);
  bench.pass(200);
  assert.equal(beside()?.key, 'east');
});

test('beside two that fell silent here the other cluster is asked, though a third is left here', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b', 'c'), cluster(), 0);
  for (const key of ['a', 'b', 'c']) bench.attempt(bench.local(key), 'success', 2);
  const [a, b] = [bench.local('a'), bench.local('b')];
  const sinceMs = bench.nowMs;
  for (const each of [a, b]) bench.balancer.begin(each, sinceMs);
  assert.equal(bench.balancer.isSilent(a, sinceMs, sinceMs + 5), false);
  bench.pass(30);
  for (const each of [a, b]) assert.ok(bench.balancer.isSilent(each, sinceMs, bench.nowMs));
  // Whoever answers others is only slow.
  bench.attempt(b, 'success', 2);
  assert.equal(bench.balancer.isSilent(b, sinceMs, bench.nowMs), false);
  assert.equal(bench.balancer.pickBeside(bench.nowMs, [a, b], 30)?.key, 'east');
  bench.balancer.update(pods('a', 'b', 'c'), [], 0);
  assert.equal(bench.balancer.pickBeside(bench.nowMs, [a, b], 30)?.key, 'c');
});

test('a cluster that spills itself is not spilled onto unless nothing else is left', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), cluster(3, 20, true), 0);
  const shares = bench.serve(200, (key) => (key === 'east' ? 20 : 500));
  assert.equal(shares.get('east') ?? 0, 0);
  bench.attempt(bench.local('a'), 'refused', 0);
  assert.equal(bench.pick().key, 'east');
});

test('a cluster that succeeds too rarely is not spilled onto, and is tried again later', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), cluster(), 0);
  bench.attempt(bench.local('a'), 'success', 2);
  bench.pass(250);
  bench.attempt(bench.local('a'), 'success', 500);
  const east = bench.balancer.remote.find('east');
  assert.ok(east);
  assert.equal(bench.pick().key, 'east');
  for (let at = 0; at < 2; at += 1) bench.attempt(east, 'failure', 1);
  assert.equal(bench.pick().key, 'a');
  bench.pass(10_000);
  bench.attempt(bench.local('a'), 'success', 500);
  assert.equal(bench.pick().key, 'east');
});

test('no more than the allowed share leaves while a local endpoint is available', () => {
  const bench = new Bench(1, settingsWith({ locality: { remoteShareMax: 0.1 } }));
  bench.balancer.update(pods('a'), cluster(), 0);
  const shares = bench.serve(1_000, (key) => (key === 'east' ? 20 : 500));
  const away = shares.get('east') ?? 0;
  assert.ok(away >= 90 && away <= 111, `east got ${away}`);
  bench.attempt(bench.local('a'), 'refused', 0);
  assert.equal(bench.pick().key, 'east');
});

test('nobody leaves while a local endpoint is available where no share may', () => {
  const bench = new Bench(1, settingsWith({ locality: { remoteShareMax: 0 } }));
  bench.balancer.update(pods('a'), cluster(), 0);
  const shares = bench.serve(1_000, (key) => (key === 'east' ? 20 : 500));
  assert.equal(shares.get('east') ?? 0, 0);
  bench.attempt(bench.local('a'), 'refused', 0);
  assert.equal(bench.pick().key, 'east');
});

test('no second attempt beside a slow one leaves either where no share may', () => {
  const bench = new Bench(1, settingsWith({ locality: { remoteShareMax: 0 } }));
  bench.balancer.update(pods('a'), cluster(), 0);
  const a = bench.local('a');
  bench.attempt(a, 'success', 2);
  const beside = () => bench.balancer.pickBeside(bench.nowMs, [a], 1_000)?.key;
  assert.equal(beside(), undefined);
  bench.attempt(a, 'refused', 0);
  assert.equal(beside(), 'east');
});

test('second attempts beside slow ones count among those that may leave', () => {
  const bench = new Bench(1, settingsWith({ locality: { remoteShareMax: 0.1 } }));
  bench.balancer.update(pods('a'), cluster(), 0);
  const a = bench.local('a');
  bench.attempt(a, 'success', 2);
  let away = 0;
  for (let at = 0; at < 1_000; at += 1) {
    bench.attempt(bench.pick(), 'success', 2);
    if (bench.balancer.pickBeside(bench.nowMs, [a], 1_000) !== undefined) away += 1;
  }
  assert.ok(away >= 90 && away <= 111, `${away} left`);
});

test('a share that may leave from now on is not spent by what left before', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), cluster(), 0);
  bench.attempt(bench.pick(), 'success', 2);
  for (let at = 0; at < 1_000; at += 1) assert.equal(bench.pick([bench.local('a')]).key, 'east');
  bench.balancer.configure(settingsWith({ locality: { remoteShareMax: 0.1 } }));
  const away = bench.serve(1_000, (key) => (key === 'east' ? 20 : 500)).get('east') ?? 0;
  assert.ok(away >= 90 && away <= 111, `east got ${away}`);
});

test('the cluster with more pods takes more', () => {
  const bench = new Bench();
  const remote = [
    { cluster: 'big', weight: 8, roundTripMs: 20 },
    { cluster: 'small', weight: 2, roundTripMs: 20 },
  ];
  bench.balancer.update([], remote, 0);
  const counts = { big: 0, small: 0 };
  for (let at = 0; at < 100; at += 1) {
    const endpoint = bench.pick();
    counts[endpoint.key as 'big' | 'small'] += 1;
    bench.balancer.begin(endpoint, 0);
  }
  assert.ok(Math.abs(counts.big - 80) <= 2, JSON.stringify(counts));
});

test('what is too much for local does not go where nothing is answered any more', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b', 'c', 'd'), cluster(), 0);
  for (const key of ['a', 'b', 'c']) bench.attempt(bench.local(key), 'refused', 0);
  bench.attempt(bench.local('d'), 'success', 2);
  const east = () =>
    Array.from({ length: 100 }, () => bench.pick().key).filter((key) => key === 'east');
  assert.ok(east().length > 40);
  const remote = bench.balancer.remote.find('east');
  assert.ok(remote);
  for (let at = 0; at < 5; at += 1) bench.balancer.begin(remote, bench.nowMs);
  bench.pass(80);
  assert.equal(east().length, 0);
});
