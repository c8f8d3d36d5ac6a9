/** All balancers of a worker: what a snapshot changes of them, and who is probed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#core/random.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import { Balancer, balanceKey, type Probe } from '#gateway/balance/balancer.ts';
import { describeService } from '#gateway/balance/describe.ts';
import type { Endpoint, Outcome } from '#gateway/balance/endpoint.ts';
import { emptySnapshot, type LocalService, type Snapshot } from '#gateway/snapshot/types.ts';
import { settingsWith } from './support.ts';

const target = { namespace: 'shop', name: 'backend', port: 80 };
const key = balanceKey(target);

function snapshotOf(hosts: readonly string[], traffic?: LocalService['traffic']): Snapshot {
  const endpoints = hosts.map((host) => ({ host, port: 8080, podName: undefined }));
  const port = { hint: 'http', protocol: undefined, endpoints } as const;
  const service: LocalService = {
    namespace: 'shop',
    name: 'backend',
    exported: true,
    ports: new Map([[80, port]]),
    ...(traffic ? { traffic } : {}),
  };
  return { ...emptySnapshot, services: new Map([['shop/backend', service]]) };
}

function balancerWith(probe: (probe: Probe) => Promise<boolean>) {
  const clock = new VirtualClock();
  const remote = () => ({ weight: 1, roundTripMs: 10 });
  const balancer = new Balancer({ clock, random: seededRandom(1), probe, remote });
  return { clock, balancer };
}

test('state of an endpoint survives every snapshot that still has it', () => {
  const { balancer } = balancerWith(async () => true);
  balancer.update(snapshotOf(['10.0.0.1', '10.0.0.2']));
  const service = balancer.service(key);
  const endpoint = service?.pick(0, [], false);
  assert.ok(service && endpoint);
  service.begin(endpoint, 0);
  balancer.update(snapshotOf(['10.0.0.1', '10.0.0.2', '10.0.0.3']));
  assert.equal(balancer.service(key), service);
  const { local } = describeService(service, 0);
  assert.equal(local.find((each) => each.endpoint === endpoint.key)?.inFlight, 1);
  assert.equal(local.length, 3);
});

test('a service no snapshot names is closed', () => {
  const { balancer } = balancerWith(async () => true);
  balancer.update(snapshotOf(['10.0.0.1']));
  const service = balancer.service(key);
  balancer.update(emptySnapshot);
  assert.equal(service?.closed, true);
  assert.equal(balancer.service(key), undefined);
  assert.deepEqual([...balancer.entries()], []);
});

test('what a TrafficPolicy says holds from the next snapshot on', () => {
  const { balancer } = balancerWith(async () => true);
  balancer.update(snapshotOf(['10.0.0.1']));
  const traffic = settingsWith({ balancer: { strategy: 'random' } });
  balancer.update(snapshotOf(['10.0.0.1'], traffic));
  assert.equal(balancer.service(key)?.settings, traffic);
});

test('an ejected endpoint is probed until it is well, then asked again', async () => {
  const probes: Probe[] = [];
  let alive = false;
  const { clock, balancer } = balancerWith(async (probe) => {
    probes.push(probe);
    return alive;
  });
  balancer.update(snapshotOf(['10.0.0.1']));
  const service = balancer.service(key);
  const endpoint = service?.pick(0, [], false);
  assert.ok(service && endpoint);
  service.begin(endpoint, 0);
  service.end(endpoint, 0, 0, 'refused', Number.NaN, false);
  const settle = async (untilMs: number) => {
    for (let ms = clock.monotonicMs(); ms <= untilMs; ms += 50) {
      clock.runUntil(ms);
      await new Promise(setImmediate);
    }
  };
  await settle(5_000);
  assert.equal(probes.length, 2);
  assert.deepEqual(probes[0], { address: '10.0.0.1:8080', path: undefined, protocol: undefined });
  alive = true;
  await settle(15_000);
  assert.equal(probes.length, 3);
  assert.equal(describeService(service, 0).local[0]?.ejected, false);
  balancer.close();
});

test('what another process found out brings back whoever is out for the same reason, and spares a probe', async () => {
  const probes: Probe[] = [];
  const { clock, balancer } = balancerWith(async (probe) => {
    probes.push(probe);
    return false;
  });
  balancer.update(snapshotOf(['10.0.0.1', '10.0.0.2']));
  const service = balancer.service(key);
  assert.ok(service);
  const [refusing, failing] = ['10.0.0.1:8080', '10.0.0.2:8080'].map((each) =>
    service.local.find(each),
  );
  assert.ok(refusing && failing);
  const fail = (endpoint: Endpoint, outcome: Outcome) => {
    service.begin(endpoint, 0);
    service.end(endpoint, 0, 0, outcome, Number.NaN, false);
  };
  for (let at = 0; at < 5; at += 1) fail(failing, 'failure');
  fail(refusing, 'refused');
  const out = () => describeService(service, 0).local.map(({ ejected }) => ejected);
  assert.deepEqual(out(), [true, true]);
  const heard = (address: string, alive: boolean) =>
    balancer.heard({ address, path: undefined, protocol: undefined }, alive);
  // Just before each of its probes is due, somebody else finds it dead still.
  for (let ms = 750; ms <= 3_000; ms += 750) {
    clock.runUntil(ms);
    heard(refusing.key, false);
  }
  assert.deepEqual(
    probes.filter(({ address }) => address === refusing.key),
    [],
  );
  heard(failing.key, true);
  assert.deepEqual(out(), [true, true], 'that it accepts connections says nothing of its answers');
  heard(refusing.key, true);
  assert.deepEqual(out(), [false, true]);
  balancer.close();
});
