/** TrafficPolicies as the data path reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Policies, settingsOf } from '#gateway/snapshot/policies.ts';
import { TRAFFIC_DEFAULTS } from '#gateway/snapshot/traffic.ts';
import { parseTrafficPolicy } from '#kube/resources/policy-attachment.ts';
import { durationMs } from '#kube/resources/traffic-policy.ts';

const policy = (name: string, day: number, spec: object) =>
  parseTrafficPolicy({
    metadata: { name, namespace: 'shop', creationTimestamp: `2026-01-0${day}T00:00:00Z` },
    spec,
  });
const service = (name: string) => ({ kind: 'Service', name });
const MCS = 'multicluster.x-k8s.io';

test('durations are those of the Gateway API', () => {
  assert.deepEqual(
    ['250ms', '10s', '1m30s', '1h1m1s1ms'].map(durationMs),
    [250, 10_000, 90_000, 3_661_001],
  );
});

test('what a policy leaves out keeps its default, and every field reaches the data path', () => {
  const targetRefs = [service('backend')];
  const bare = policy('bare', 1, { targetRefs }).spec;
  assert.ok(bare);
  assert.deepEqual(settingsOf(bare), TRAFFIC_DEFAULTS);
  const full = policy('full', 1, {
    targetRefs,
    loadBalancer: { strategy: 'roundRobin', slowStart: '30s' },
    locality: { preference: 2, tolerance: '10ms', maxRemotePercent: 25 },
    ejection: {
      consecutiveErrors: 3,
      minSuccessPercent: 90,
      minRequests: 50,
      backoff: '2s',
      maxBackoff: '1m',
      maxEjectedPercent: 30,
    },
    probe: { path: '/healthz' },
    retry: { attempts: 2, budgetPercent: 10, minPerSecond: 5, statusCodes: [503], grpcCodes: [8] },
    hedge: { budgetPercent: 0 },
    timeout: { request: '2s', attempt: '500ms' },
    limits: {
      concurrency: 100,
      queue: 10,
      queueTimeout: '50ms',
      requestsPerSecond: 1_000.5,
      burst: 20,
    },
  });
  assert.deepEqual(full.problems, []);
  assert.ok(full.spec);
  assert.deepEqual(settingsOf(full.spec), {
    balancer: { strategy: 'roundRobin', slowStartMs: 30_000 },
    locality: { preference: 2, toleranceMs: 10, remoteShareMax: 0.25 },
    ejection: {
      consecutiveFailures: 3,
      successBelow: 0.9,
      samplesMin: 50,
      backoffMs: 2_000,
      backoffMaxMs: 60_000,
      ejectedShareMax: 0.3,
      probePath: '/healthz',
    },
    retry: {
      attemptsMax: 2,
      budgetShare: 0.1,
      budgetPerSecond: 5,
      statuses: [503],
      grpcStatuses: [8],
    },
    hedge: { budgetShare: 0 },
    timeout: { requestMs: 2_000, attemptMs: 500 },
    limits: {
      concurrencyMax: 100,
      queueMax: 10,
      queueMs: 50,
      ratePerSecond: 1_000.5,
      rateBurst: 20,
    },
  });
});

test('a first time out beyond the longest one by default lengthens that, and a short longest one shortens both', () => {
  const ejectionOf = (ejection: object) => {
    const { spec } = policy('a', 1, { targetRefs: [service('backend')], ejection });
    assert.ok(spec);
    const { backoffMs, backoffMaxMs } = settingsOf(spec).ejection;
    return [backoffMs, backoffMaxMs];
  };
  assert.deepEqual(ejectionOf({ backoff: '30s' }), [30_000, 30_000]);
  assert.deepEqual(ejectionOf({ maxBackoff: '500ms' }), [500, 500]);
});

test('a timeout of nothing is no limit, as in an HTTPRoute', () => {
  const timeoutOf = (timeout: object) => {
    const { spec } = policy('a', 1, { targetRefs: [service('backend')], timeout });
    assert.ok(spec);
    const { requestMs, attemptMs } = settingsOf(spec).timeout;
    return [requestMs, attemptMs];
  };
  assert.deepEqual(timeoutOf({ request: '0s', attempt: '0ms' }), [undefined, undefined]);
  assert.deepEqual(timeoutOf({ request: '0s', attempt: '500ms' }), [undefined, 500]);
  assert.deepEqual(timeoutOf({ request: '2s', attempt: '0s' }), [2_000, undefined]);
});

test('a mirror is ruled by its own policy, else by that of the import, else by that of the Service', () => {
  const attempts = (found: ReturnType<Policies['ofService']>) => found?.retry.attemptsMax;
  const of = (attempts: number, ...targetRefs: object[]) => ({ targetRefs, retry: { attempts } });
  const exported = of(1, { group: MCS, kind: 'ServiceExport', name: 'backend' });
  const imported = of(2, { group: MCS, kind: 'ServiceImport', name: 'backend' });
  const list = [
    policy('export', 1, exported),
    policy('import', 1, imported),
    policy('mirror', 1, of(4, service('backend-global'))),
  ];
  const all = new Policies(list);
  assert.equal(attempts(all.ofService('shop', 'backend')), 1);
  assert.equal(attempts(all.ofMirror('shop', 'backend-east', 'backend')), 2);
  assert.equal(attempts(all.ofMirror('shop', 'backend-global', 'backend')), 4);
  assert.equal(all.ofMirror('other', 'backend-global', 'backend'), undefined);
  const both = new Policies([...list, policy('service', 9, of(5, service('backend')))]);
  assert.equal(attempts(both.ofService('shop', 'backend')), 5);
});

test('of two policies for one target the older is in force, and an invalid one for none', () => {
  const attempts = (value: number, day: number, more: object = {}) =>
    policy(`p${value}`, day, {
      targetRefs: [service('backend')],
      retry: { attempts: value },
      ...more,
    });
  const found = (...list: ReturnType<typeof attempts>[]) =>
    new Policies(list).ofService('shop', 'backend')?.retry.attemptsMax;
  assert.equal(found(attempts(2, 3), attempts(4, 2)), 4);
  assert.equal(found(attempts(2, 3), attempts(4, 2, { nonsense: true })), 2);
  assert.equal(found(attempts(3, 2), attempts(1, 2)), 1);
});
