/** The balancer's decisions, under a clock of the test's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#core/random.ts';
import { BALANCE, EndpointState } from '#gateway/balance/endpoint.ts';
import { EndpointGroup, NONE_TRIED as NONE } from '#gateway/balance/group.ts';
import { ServiceBalancer } from '#gateway/balance/service.ts';

/** Serves `count` requests of `latencyMs(key)` each, one after the other; returns who got how many. */
function serve(
  balancer: ServiceBalancer,
  count: number,
  latencyMs: (key: string) => number,
  startMs = 0,
): Map<string, number> {
  const shares = new Map<string, number>();
  let nowMs = startMs;
  for (let at = 0; at < count; at += 1) {
    const choice = balancer.choose(nowMs, NONE);
    assert.ok(choice);
    const { endpoint } = choice;
    shares.set(endpoint.key, (shares.get(endpoint.key) ?? 0) + 1);
    endpoint.begin(nowMs);
    const tookMs = latencyMs(endpoint.key);
    endpoint.end(nowMs, nowMs + tookMs, 'success', tookMs);
    nowMs += tookMs + 1;
  }
  return shares;
}

function remote(weight = 3, roundTripMs = 20) {
  return [{ cluster: 'east', weight, roundTripMs }];
}

test('local keeps everything while it is not clearly worse', () => {
  const balancer = new ServiceBalancer(seededRandom(1));
  balancer.update(['a', 'b', 'c'], remote(), 0);
  const shares = serve(balancer, 1_000, (key) => (key === 'east' ? 22 : 2));
  assert.equal(shares.get('east') ?? 0, 0);
});

test('a slow local group spills to a clearly better cluster', () => {
  const balancer = new ServiceBalancer(seededRandom(1));
  balancer.update(['a'], remote(), 0);
  const shares = serve(balancer, 1_000, (key) => (key === 'east' ? 20 : 500));
  assert.ok((shares.get('east') ?? 0) > 950, `east got ${shares.get('east')}`);
});

test('the fastest endpoint of many gets most', () => {
  const balancer = new ServiceBalancer(seededRandom(7));
  const keys = Array.from({ length: 10 }, (_, at) => `p${at}`);
  balancer.update(keys, [], 0);
  const shares = serve(balancer, 2_000, (key) => 1 + 100 * Number(key.slice(1)));
  assert.ok((shares.get('p0') ?? 0) > 1_900, `p0 got ${shares.get('p0')}`);
});

test('an endpoint that never answers is avoided before any timeout', () => {
  const group = new EndpointGroup(seededRandom(1));
  group.setMembers(['black-hole', 'sound'], 0);
  for (const each of group.endpoints) {
    each.begin(0);
    each.end(0, 2, 'success', 2);
  }
  group.find('black-hole')?.begin(10);
  assert.equal(group.pick(110, NONE, false)?.key, 'sound');
});

test('a retry goes to another cluster, whatever local endpoints are left', () => {
  const balancer = new ServiceBalancer(seededRandom(1));
  balancer.update(['a', 'b'], remote(), 0);
  assert.equal(balancer.choose(0, ['a'])?.endpoint.key, 'east');
  balancer.update(['a', 'b'], remote(0), 0);
  assert.equal(balancer.choose(0, ['a'])?.endpoint.key, 'b');
});

test('ejected endpoints are used only when nothing else is left', () => {
  const balancer = new ServiceBalancer(seededRandom(1));
  balancer.update(['a', 'b'], [], 0);
  balancer.local.find('a')?.eject(1_000);
  assert.equal(balancer.choose(0, NONE)?.endpoint.key, 'b');
  balancer.local.find('b')?.eject(1_000);
  assert.ok(balancer.choose(0, NONE), 'panic: a guess is better than a refusal');
});

test('a refused connection ejects at once, bad answers after several', () => {
  const refused = new EndpointState('a', 0, false);
  refused.begin(0);
  refused.end(0, 1, 'refused', Number.NaN);
  assert.equal(refused.failing, true);
  const failing = new EndpointState('b', 0, false);
  for (let at = 1; at <= BALANCE.ejectConsecutive; at += 1) {
    assert.equal(failing.failing, false);
    failing.begin(at);
    failing.end(at, at + 1, 'failure', 1);
  }
  assert.equal(failing.failing, true);
});

test('a failure never makes an endpoint look faster', () => {
  const state = new EndpointState('a', 0, false);
  state.begin(0);
  state.end(0, 50, 'success', 50);
  const before = state.cost(50);
  state.begin(50);
  state.end(50, 51, 'failure', 1);
  assert.ok(state.cost(51) > before);
});

test('in-flight requests are counted exactly, cancelled ones included', () => {
  const state = new EndpointState('a', 0, false);
  for (const outcome of ['success', 'failure', 'refused', 'cancelled'] as const) {
    state.begin(1);
    state.end(1, 2, outcome, 1);
  }
  assert.equal(state.inFlight, 0);
});

test('the local share', async (t) => {
  const share = (prepare: (balancer: ServiceBalancer) => void, nowMs: number) => {
    const balancer = new ServiceBalancer(seededRandom(1));
    prepare(balancer);
    return balancer.localShare(nowMs);
  };
  await t.test('is whole when a gateway first sees a group', () => {
    assert.equal(
      share((each) => each.update(['a'], remote(), 0), 0),
      1,
    );
  });
  await t.test('stays whole while a healthy group is scaled up', () => {
    const grown = share((each) => {
      each.update(['a'], remote(), 0);
      each.update(['a', 'b', 'c', 'd', 'e'], remote(), 60_000);
    }, 60_000);
    assert.equal(grown, 1);
  });
  await t.test('stays whole while a healthy group is scaled down', () => {
    const shrunk = share((each) => {
      each.update(['a', 'b', 'c', 'd', 'e'], remote(), 0);
      each.update(['a'], remote(), 60_000);
    }, 60_000);
    assert.equal(shrunk, 1);
  });
  await t.test('shrinks when more than two of seven are lost to failures', () => {
    const lost = share((each) => {
      each.update(['a', 'b', 'c', 'd'], remote(), 0);
      each.local.find('a')?.eject(1_000);
      each.local.find('b')?.eject(1_000);
      each.update(['c', 'd'], remote(), 100);
    }, 100);
    assert.ok(Math.abs(lost - 0.7) < 1e-9, `${lost}`);
  });
  await t.test('grows back slowly after a total outage, and is whole after the ramp', () => {
    const balancer = new ServiceBalancer(seededRandom(1));
    balancer.update(['a', 'b', 'c'], remote(), 0);
    for (const each of balancer.local.endpoints) each.eject(1_000);
    balancer.update([], remote(), 1_000);
    balancer.update(['d', 'e', 'f'], remote(), 5_000);
    assert.ok(balancer.localShare(5_000) < 0.2);
    assert.ok(balancer.localShare(10_000) > 0.5);
    assert.equal(balancer.localShare(5_000 + BALANCE.rampMs), 1);
  });
});

test('the same seed makes the same choices', () => {
  const trace = () => {
    const balancer = new ServiceBalancer(seededRandom(42));
    balancer.update(['a', 'b', 'c', 'd', 'e', 'f'], remote(), 0);
    return [...serve(balancer, 500, (key) => (key === 'east' ? 9 : 3 + (key.charCodeAt(0) % 4)))];
  };
  assert.deepEqual(trace(), trace());
});
