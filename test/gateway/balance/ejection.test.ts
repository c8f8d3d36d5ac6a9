/** Who leaves the picker, and how it comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#core/random.ts';
import { ServiceBalancer } from '#gateway/balance/service.ts';
import { TUNING } from '#gateway/balance/tuning.ts';
import { Bench, cluster, pods, settingsWith } from './support.ts';

const FOUR = ['a', 'b', 'c', 'd'] as const;

function four(settings = settingsWith({})) {
  const bench = new Bench(1, settings);
  bench.balancer.update(pods(...FOUR), [], 0);
  return bench;
}

function failTimes(bench: Bench, key: string, times: number): void {
  for (let at = 0; at < times; at += 1) bench.attempt(bench.local(key), 'failure', 1);
}

test('a refused connection ejects at once, bad answers after several', () => {
  const bench = four();
  bench.attempt(bench.local('a'), 'refused', 0);
  assert.equal(bench.report('a').ejected, true);
  failTimes(bench, 'b', 4);
  assert.equal(bench.report('b').ejected, false);
  failTimes(bench, 'b', 1);
  assert.equal(bench.report('b').ejected, true);
});

test('a success in between starts the count of failures again', () => {
  const bench = four();
  failTimes(bench, 'a', 4);
  bench.attempt(bench.local('a'), 'success', 1);
  failTimes(bench, 'a', 4);
  assert.equal(bench.report('a').ejected, false);
});

test('too few good answers of the last ten seconds eject, older ones do not count', () => {
  const check = (pauseMs: number) => {
    const bench = four();
    for (let at = 0; at < 40; at += 1) {
      bench.attempt(bench.local('a'), at % 2 === 0 ? 'failure' : 'success', 1);
      bench.pass(pauseMs);
      bench.pick();
      if (bench.report('a').ejected) return true;
    }
    return false;
  };
  assert.equal(check(10), true);
  assert.equal(check(1_000), false, 'never twenty within ten seconds');
});

test('no more than the allowed share is judged by its answers, one always may be', () => {
  const bench = four();
  for (const key of FOUR) failTimes(bench, key, 6);
  const ejected = FOUR.filter((key) => bench.report(key).ejected);
  assert.deepEqual(ejected, ['a', 'b']);
  const lone = new Bench();
  lone.balancer.update(pods('a'), cluster(), 0);
  failTimes(lone, 'a', 5);
  assert.equal(lone.report('a').ejected, true);
});

test('who cannot be reached is absent, not judged: all may be out', () => {
  const bench = four();
  for (const key of FOUR) bench.attempt(bench.local(key), 'refused', 0);
  assert.ok(FOUR.every((key) => bench.report(key).ejected));
  assert.equal(bench.share, 0);
});

test('after refused connections a connection is the probe, once for each backoff', () => {
  const bench = four();
  bench.attempt(bench.local('a'), 'refused', 0);
  bench.pass(500);
  assert.equal(bench.balancer.takeProbe(bench.nowMs), undefined);
  bench.pass(1_000);
  const endpoint = bench.balancer.takeProbe(bench.nowMs);
  assert.equal(endpoint?.key, 'a');
  assert.equal(bench.balancer.takeProbe(bench.nowMs), undefined);
  bench.balancer.probed(bench.local('a'), false, bench.nowMs);
  const again = bench.report('a').ejectedForMs ?? 0;
  assert.ok(again >= 1_600 && again <= 2_400, `doubled: ${again}`);
  bench.pass(2_500);
  assert.equal(bench.balancer.takeProbe(bench.nowMs)?.key, 'a');
  bench.balancer.probed(bench.local('a'), true, bench.nowMs);
  assert.equal(bench.report('a').ejected, false);
  assert.equal(bench.report('a').ramp, TUNING.rampStart);
});

test('after bad answers one request that may be repeated is the probe', () => {
  const bench = four();
  failTimes(bench, 'a', 5);
  for (let at = 0; at < 10; at += 1) assert.notEqual(bench.pick([], true).key, 'a');
  bench.pass(1_250);
  assert.equal(bench.balancer.takeProbe(bench.nowMs), undefined);
  for (let at = 0; at < 10; at += 1) assert.notEqual(bench.pick([], false).key, 'a');
  const probe = bench.pick([], true);
  assert.equal(probe.key, 'a');
  assert.equal(bench.balancer.explored, true);
  assert.equal(bench.balancer.explorationHedgeMs, TUNING.explorationHedgeMs);
  for (let at = 0; at < 50; at += 1) assert.notEqual(bench.pick([], true).key, 'a');
  bench.attempt(probe, 'success', 1);
  assert.equal(bench.report('a').ejected, false);
  assert.equal(bench.report('a').success, 1);
});

test('a probe that fails doubles the backoff, one that was overtaken does not', () => {
  const bench = four();
  failTimes(bench, 'a', 5);
  bench.pass(1_250);
  bench.attempt(bench.pick([], true), 'superseded', 20);
  assert.equal(bench.report('a').ejected, true);
  assert.equal(bench.report('a').ejections, 1);
  bench.pass(1_250);
  bench.attempt(bench.pick([], true), 'failure', 1);
  assert.equal(bench.report('a').ejections, 2);
  assert.ok((bench.report('a').ejectedForMs ?? 0) >= 1_600);
});

/** How long passes until a connection is asked for. */
function untilConnection(bench: Bench): number {
  const fromMs = bench.nowMs;
  while (bench.balancer.takeProbe(bench.nowMs) === undefined) {
    bench.pass(TUNING.tickMs);
    assert.ok(bench.nowMs - fromMs < 60_000);
  }
  return bench.nowMs - fromMs;
}

test('where no request may be repeated, a connection is the probe in the end', () => {
  const bench = four();
  failTimes(bench, 'a', 5);
  assert.ok(untilConnection(bench) <= 2 * 1_200 + TUNING.tickMs);
});

test('however many probes were overtaken: a connection is the probe after two backoffs without a request', () => {
  const bench = four();
  failTimes(bench, 'a', 5);
  for (let probes = 0; probes < 10; ) {
    bench.pass(TUNING.tickMs);
    const endpoint = bench.pick([], true);
    if (endpoint.key !== 'a') continue;
    bench.attempt(endpoint, 'superseded', 20);
    probes += 1;
  }
  assert.ok(untilConnection(bench) <= 2 * 1_200 + TUNING.tickMs);
});

test('the path a policy names is asked for after bad answers, not after refused connections', () => {
  const bench = four(settingsWith({ ejection: { probePath: '/healthy' } }));
  failTimes(bench, 'a', 5);
  bench.attempt(bench.local('b'), 'refused', 0);
  bench.pass(1_500);
  const probes = [0, 1].map(() => bench.balancer.takeProbe(bench.nowMs));
  const paths = probes.map((each) => each && [each.key, bench.balancer.probePathOf(each)]);
  assert.deepEqual(paths.sort(), [
    ['a', '/healthy'],
    ['b', undefined],
  ]);
});

test('what was under way when an endpoint was ejected says nothing new', () => {
  const bench = four();
  const startMs = bench.nowMs;
  for (let at = 0; at < 10; at += 1) bench.balancer.begin(bench.local('a'), startMs);
  const end = (outcome: 'failure' | 'success') =>
    bench.balancer.end(bench.local('a'), startMs, bench.nowMs, outcome, 5, false);
  bench.pass(5);
  for (let at = 0; at < 9; at += 1) end('failure');
  assert.equal(bench.report('a').ejections, 1);
  end('success');
  assert.equal(bench.report('a').ejected, true);
  assert.equal(bench.report('a').inFlight, 0);
});

test('a cluster comes back by itself, or with its tunnel', () => {
  const bench = new Bench();
  bench.balancer.update(pods('a'), cluster(), 0);
  const east = bench.balancer.remote.find('east');
  assert.ok(east);
  for (let at = 0; at < 5; at += 1) bench.attempt(east, 'failure', 1);
  assert.equal(bench.report('east').ejected, true);
  bench.pass(1_500);
  assert.equal(bench.balancer.takeProbe(bench.nowMs), undefined);
  assert.equal(bench.report('east').ejected, false);
  for (let at = 0; at < 5; at += 1) bench.attempt(east, 'failure', 1);
  assert.equal(bench.report('east').ejected, true);
  bench.balancer.updateRemote(cluster(0), bench.nowMs);
  bench.balancer.updateRemote(cluster(3), bench.nowMs);
  assert.equal(bench.report('east').ejected, false);
  assert.equal(bench.report('east').ramp, TUNING.rampStart);
});

test('a pod that refuses speaks for itself, not for all of its cluster', () => {
  const bench = new Bench();
  bench.balancer.update([], cluster(100), 0);
  const east = bench.balancer.remote.find('east');
  assert.ok(east);
  bench.attempt(east, 'refused', 1);
  assert.equal(bench.report('east').ejected, false);
  for (let at = 0; at < 4; at += 1) bench.attempt(east, 'refused', 1);
  assert.equal(bench.report('east').ejected, true);
});

test('in panic those who answered badly are asked again, those who cannot be reached are not', () => {
  const bench = four(settingsWith({ ejection: { ejectedShareMax: 1 } }));
  failTimes(bench, 'a', 5);
  failTimes(bench, 'b', 5);
  bench.attempt(bench.local('c'), 'refused', 0);
  const asked = new Set<string>();
  for (let at = 0; at < 2_000; at += 1) {
    const endpoint = bench.pick();
    asked.add(endpoint.key);
    bench.balancer.begin(endpoint, bench.nowMs);
  }
  assert.deepEqual([...asked].sort(), ['a', 'b', 'd']);
});

test('a record is forgotten once an endpoint was sound for as long as its slow start', () => {
  const bench = four();
  bench.attempt(bench.local('a'), 'refused', 0);
  bench.pass(1_500);
  bench.balancer.probed(bench.local('a'), true, bench.nowMs);
  bench.pass(5_000);
  assert.equal(bench.report('a').ejections, 1);
  assert.ok(Math.abs(bench.report('a').ramp - 0.55) < 0.03);
  bench.pass(5_250);
  assert.equal(bench.report('a').ramp, 1);
  assert.equal(bench.report('a').ejections, 0);
});

test('a probe that is due for an endpoint that has left goes to no other', () => {
  const settings = settingsWith({ ejection: { backoffMs: 200, backoffMaxMs: 200 } });
  const bench = four(settings);
  failTimes(bench, 'a', 5);
  bench.pass(250);
  bench.balancer.update(pods('b', 'c', 'd'), [], bench.nowMs);
  const other = new ServiceBalancer('shop/other', bench.table, seededRandom(1), settings);
  other.update(pods('x', 'y'), [], bench.nowMs);
  const x = other.local.find('x');
  assert.ok(x);
  for (let at = 0; at < 5; at += 1) {
    other.begin(x, bench.nowMs);
    other.end(x, bench.nowMs, bench.nowMs, 'failure', Number.NaN, false);
  }
  const dueMs = bench.nowMs + 245;
  for (let at = 0; at < 20; at += 1) {
    const endpoint = bench.balancer.pick(dueMs, [], true);
    assert.ok(['b', 'c', 'd'].includes(endpoint?.key ?? ''), `${endpoint?.key} of another service`);
  }
});
