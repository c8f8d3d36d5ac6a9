/**
 * What workers are told of changes, and how what they tell becomes one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, type Random, seededRandom } from '#core/random.ts';
import { type LinkReport, mergeLinks } from '#gateway/admin/report.ts';
import { applySnapshotDelta, snapshotDelta } from '#gateway/snapshot/delta.ts';
import { emptySnapshot, type Snapshot } from '#gateway/snapshot/types.ts';
import { exporting, listener } from './world.ts';

const ROUNDS = 400;
const KEYED = ['exports', 'listeners', 'services', 'peers', 'callers'] as const;
const WHOLE = ['advertised', 'replicas', 'replicaAddresses', 'readyAddresses'] as const;

function some<T>(random: Random, make: (at: number) => T): T[] {
  return Array.from({ length: 6 }, (_, at) => at)
    .filter(() => random.next() < 0.5)
    .map(make);
}

/** Few enough values for two of them to have much in common. */
function anySnapshot(random: Random): Snapshot {
  const endpoints = () =>
    some(random, (at) => ({ host: `10.0.0.${at}`, port: 8080, podName: `pod-${at}` }));
  const fields = exporting(endpoints());
  const [[, service] = []] = fields.services;
  const [[, exported] = []] = fields.exports;
  assert.ok(service && exported);
  return {
    exports: new Map(
      some(random, (at) => [`shop/${at}`, { ...exported, readyEndpoints: below(random, 2) }]),
    ),
    advertised: some(random, (at) => ({
      host: `gateway-${at}`,
      port: 4143,
      transport: 'tls' as const,
    })),
    listeners: new Map(
      some(random, (at) => [
        at,
        listener(at, { local: random.next() < 0.5, clusters: some(random, String) }),
      ]),
    ),
    services: new Map(
      some(random, (at) => [
        `shop/${at}`,
        {
          ...service,
          name: String(at),
          ports: new Map([
            [
              8080,
              {
                hint: 'detect',
                protocol: random.next() < 0.5 ? 'http2' : undefined,
                endpoints: endpoints(),
              },
            ],
          ]),
        },
      ]),
    ),
    peers: new Map(
      some(random, (at) => [
        `cluster-${at}`,
        {
          linkName: `link-${at}`,
          clusterName: `cluster-${at}`,
          trustDomain: `cluster-${at}.isthmus`,
          trust: `roots-${at}`,
          trustBundle: `bundle ${below(random, 2)}`,
          gateways: some(random, (each) => ({ host: `10.1.0.${each}`, port: 4143 })),
          suspended: random.next() < 0.2,
          visibleExports: new Set(some(random, (each) => `shop/${each}`)),
        },
      ]),
    ),
    replicas: some(random, (at) => `gateway-${at}`),
    readyAddresses: new Set(some(random, (at) => `10.2.0.${at}`)),
    replicaAddresses: new Set(some(random, (at) => `10.2.0.${at}`)),
    callers: new Map(some(random, (at) => [`10.0.0.${at}`, `spiffe://west/${below(random, 2)}`])),
  };
}

test('a snapshot with the difference to another is the other, also after a journey between processes', () => {
  const random = seededRandom(7);
  let kept = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = round % 10 === 0 ? emptySnapshot : anySnapshot(random);
    const after = round % 17 === 0 ? emptySnapshot : anySnapshot(random);
    const delta = structuredClone(snapshotDelta(before, after));
    const made = applySnapshotDelta(before, delta);
    assert.deepEqual(made, after);
    for (const field of KEYED) {
      for (const [key, value] of made[field] as ReadonlyMap<unknown, unknown>) {
        const old = (before[field] as ReadonlyMap<unknown, unknown>).get(key);
        const changed = delta.keyed.find((each) => each.field === field)?.set ?? [];
        if (changed.some(([each]) => each === key)) {
          assert.notDeepEqual(old, value, 'what did not change is not told');
        } else {
          kept += 1;
          assert.equal(old, value, 'what did not change is the same object');
        }
      }
      const touched = delta.keyed.some((each) => each.field === field);
      if (!touched) assert.equal(made[field], before[field]);
    }
    for (const field of WHOLE) {
      if (delta.whole.some((each) => each.field === field)) {
        assert.notDeepEqual(before[field], after[field]);
      } else assert.equal(made[field], before[field]);
    }
  }
  assert.ok(kept > ROUNDS, `${kept} entries were kept`);
});

test('snapshots that are alike differ in nothing', () => {
  const one = anySnapshot(seededRandom(3));
  assert.deepEqual(snapshotDelta(one, structuredClone(one)), { keyed: [], whole: [] });
});

const LINK: LinkReport = {
  name: 'east',
  clusterName: 'east',
  connected: true,
  since: '2026-01-01T00:00:00.000Z',
  roundTripMs: 3,
  peerVersion: '1.0.0',
  replicas: ['east-0'],
  tunnels: 4,
  error: null,
};
const LOST: LinkReport = {
  ...LINK,
  connected: false,
  since: '2026-01-02T00:00:00.000Z',
  roundTripMs: null,
  peerVersion: null,
  replicas: [],
  tunnels: 0,
  error: { code: 'PEER_UNREACHABLE', message: 'refused' },
};

test('a link is connected where every worker is, and says since when and why it is not', () => {
  assert.deepEqual(mergeLinks([[LINK], [{ ...LINK, roundTripMs: 2, tunnels: 3 }]]), [
    { ...LINK, roundTripMs: 2, tunnels: 7 },
  ]);
  for (const order of [
    [LINK, LOST],
    [LOST, LINK],
  ]) {
    assert.deepEqual(mergeLinks(order.map((each) => [each])), [
      {
        ...LOST,
        // What one worker knows is known.
        roundTripMs: 3,
        peerVersion: '1.0.0',
        replicas: ['east-0'],
        tunnels: 4,
      },
    ]);
  }
});

test('links of any number of workers become one list, each cluster once', () => {
  const south = { ...LINK, name: 'south', clusterName: 'south' };
  assert.deepEqual(mergeLinks([]), []);
  assert.deepEqual(mergeLinks([[], []]), []);
  assert.deepEqual(mergeLinks([[LINK, south]]), [LINK, south]);
  const merged = mergeLinks([[LINK, south], [south], [LINK, LOST, south]]);
  assert.deepEqual(
    merged.map(({ clusterName, connected, tunnels }) => [clusterName, connected, tunnels]),
    [
      ['east', false, 8],
      ['south', true, 12],
    ],
  );
});
