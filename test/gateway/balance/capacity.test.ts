/** Which share of requests the local group may take, and when peers are told to stay away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, cluster, pods } from './support.ts';

const refuse = (bench: Bench, ...keys: readonly string[]) => {
  for (const key of keys) bench.attempt(bench.local(key), 'refused', 0);
};

test('the local share is whole when a gateway first sees a group', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), cluster(), 0);
  assert.equal(bench.share, 1);
  assert.equal(bench.balancer.spilling, false);
});

test('it stays whole while a healthy group is scaled up', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), cluster(), 0);
  bench.pass(60_000);
  bench.balancer.update(pods('a', 'b', 'c', 'd', 'e'), cluster(), bench.nowMs);
  assert.equal(bench.share, 1);
  for (let at = 0; at < 48; at += 1) {
    bench.pass(250);
    assert.equal(bench.share, 1);
  }
});

test('it stays whole while a healthy group is scaled down', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b', 'c', 'd', 'e'), cluster(), 0);
  bench.pass(60_000);
  bench.balancer.update(pods('a'), cluster(), bench.nowMs);
  assert.equal(bench.share, 1);
});

test('it shrinks when more than two of seven are lost to failures, also once they are gone', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b', 'c', 'd'), cluster(), 0);
  refuse(bench, 'a', 'b');
  assert.ok(Math.abs(bench.share - 0.7) < 1e-9, `${bench.share}`);
  assert.equal(bench.balancer.spilling, true);
  bench.balancer.update(pods('c', 'd'), cluster(), 100);
  assert.ok(Math.abs(bench.share - 0.7) < 1e-9, `${bench.share}`);
  bench.pass(61_000);
  assert.equal(bench.share, 1, 'forgotten after a minute');
});

test('members that were lost and are back fill up slowly', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b', 'c', 'd'), cluster(), 0);
  refuse(bench, 'a', 'b');
  bench.pass(1_500);
  for (const key of ['a', 'b']) bench.balancer.probed(bench.local(key), true, bench.nowMs);
  assert.ok(bench.share < 0.8, `${bench.share}`);
  bench.pass(10_250);
  assert.equal(bench.share, 1);
});

test('it grows back slowly after a total outage, and is whole after the ramp', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b', 'c'), cluster(), 0);
  refuse(bench, 'a', 'b', 'c');
  bench.balancer.update([], cluster(), 1_000);
  assert.equal(bench.share, 0);
  bench.pass(5_000);
  bench.balancer.update(pods('d', 'e', 'f'), cluster(), bench.nowMs);
  assert.ok(bench.share < 0.2);
  bench.pass(5_250);
  assert.ok(bench.share > 0.5 && bench.share < 1, `${bench.share}`);
  bench.pass(5_250);
  assert.equal(bench.share, 1);
});

test('it grows slowly too where a gateway first saw a group without a member, and a cluster served', () => {
  const bench = new Bench();
  bench.balancer.update([], cluster(), 0);
  bench.pass(5_000);
  bench.balancer.updateLocal(pods('a', 'b', 'c'), bench.nowMs);
  assert.ok(bench.share < 0.2, `${bench.share}`);
  bench.pass(5_250);
  assert.ok(bench.share > 0.5 && bench.share < 1, `${bench.share}`);
  bench.pass(5_250);
  assert.equal(bench.share, 1);
});

test('where nobody else served, the first members take everything at once', () => {
  for (const others of [[], cluster(0)]) {
    const bench = new Bench();
    bench.balancer.update([], others, 0);
    bench.pass(5_000);
    bench.balancer.updateLocal(pods('a', 'b'), bench.nowMs);
    assert.equal(bench.share, 1);
    assert.equal(bench.balancer.spilling, false);
    assert.equal(bench.report('a').ramp, 1);
  }
});

test('a first cluster starts slowly beside pods that serve, and at once where there are none', () => {
  for (const [local, ramp] of [
    [pods('a'), 0.1],
    [[], 1],
  ] as const) {
    const bench = new Bench();
    bench.balancer.update(local, [], 0);
    bench.pass(5_000);
    bench.balancer.updateRemote(cluster(), bench.nowMs);
    assert.equal(bench.report('east').ramp, ramp);
  }
});

test('who wants to be left alone is missing meanwhile', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a', 'b'), cluster(), 0);
  bench.balancer.penalise(bench.local('a'), 2_000);
  assert.ok(bench.share < 1);
  bench.pass(2_250);
  assert.equal(bench.share, 1);
});
