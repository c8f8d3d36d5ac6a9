/** Several exports become one: ports, conflicts, and whose word counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Member } from '#mirror/input.ts';
import { merge } from '#mirror/merge.ts';
import { offersOf } from '#mirror/offers.ts';
import { inputOf, NOW } from './world.ts';

type Ports = readonly Readonly<Record<string, unknown>>[];

/** `a`, whose export is older, and `b`. */
function members(a: Ports, b: Ports, assumed = false): readonly Member[] {
  const exports = [a, b].map((ports) => ({
    exports: [{ namespace: 's', name: 'x', ports: [...ports] }],
  }));
  const [first = {}, second = {}] = exports;
  const { catalogs } = inputOf({ about: '', catalogs: { a: first, b: second } });
  return [...catalogs].map(([cluster, of]) => {
    const one = of.exports.get('s/x');
    assert.ok(one);
    return { cluster, export: one, assumed };
  });
}

const http = { name: 'http', port: 80 };
const admin = { name: 'admin', port: 81 };
const portCases: [string, Ports, Ports, string[], string[]][] = [
  ['the same in another order', [http, admin], [admin, http], ['admin ab', 'http ab'], []],
  [
    'another appProtocol: the oldest says how it is spoken',
    [{ ...http, appProtocol: 'http' }],
    [{ ...http, appProtocol: 'kubernetes.io/h2c' }],
    ['http ab http'],
    ['b has http 80/TCP (kubernetes.io/h2c) and lacks http 80/TCP (http)'],
  ],
  [
    'another protocol: what the oldest means cannot be carried',
    [{ name: 'dns', port: 53, protocol: 'UDP' }],
    [{ name: 'dns', port: 53, protocol: 'TCP' }],
    [],
    ['b has dns 53/TCP and lacks dns 53/UDP'],
  ],
  [
    'a protocol that is not carried, in one alone',
    [http],
    [http, { name: 'dns', port: 80, protocol: 'UDP' }],
    ['http ab'],
    ['b has dns 80/UDP'],
  ],
  ['a port in one alone', [http], [http, admin], ['admin b', 'http ab'], ['b has admin 81/TCP']],
  ['a port in one alone', [http, admin], [http], ['admin a', 'http ab'], ['b lacks admin 81/TCP']],
  [
    'another number under one name',
    [http],
    [{ ...http, port: 90 }],
    ['http a'],
    ['b has http 90/TCP and lacks http 80/TCP'],
  ],
];
for (const [name, a, b, expected, told] of portCases) {
  test(`ports that differ: ${name}`, () => {
    const { ports, conflicts } = merge(members(a, b));
    const shown = ports.map(({ name: each, clusters, appProtocol }) =>
      [each, clusters.join(''), appProtocol].filter(Boolean).join(' '),
    );
    assert.deepEqual(shown.sort(), expected);
    assert.deepEqual(
      conflicts,
      told.map((each) => ({
        reason: 'PortConflict',
        message: `${each}, unlike a, whose export is the oldest`,
      })),
    );
  });
}

test('of a cluster that was not heard only ports that contradict each other are a conflict', () => {
  assert.deepEqual(merge(members([http], [http, admin], true)).conflicts, []);
  const [conflict] = merge(members([http], [{ ...http, port: 90 }], true)).conflicts;
  assert.equal(conflict?.reason, 'PortConflict');
});

test('a port that needs a name gets one that no other has, and that Kubernetes takes', () => {
  const taken = [80, 2, 3, 4].map((each, index) => ({
    name: index === 0 ? 'port-80' : `port-80-${each}`,
    port: 1_000 + index,
  }));
  const names = merge(members([{ name: '', port: 80 }], taken)).ports.map((each) => each.name);
  assert.equal(new Set(names).size, 5);
  assert.equal(names[0], 'port-80-5');
});

test('who says no time, or one that is yet to come, is not the oldest', () => {
  const order = (times: Readonly<Record<string, string>>) => {
    const catalogs = Object.fromEntries(
      Object.entries(times).map(([cluster, createdAt]) => [
        cluster,
        { exports: [{ namespace: 's', name: 'x', createdAt }] },
      ]),
    );
    const all = [...inputOf({ about: '', catalogs }).catalogs].map(([cluster, { exports }]) => ({
      ...{ cluster, export: exports.get('s/x') as Member['export'], assumed: false },
    }));
    const [offer] = offersOf(all, NOW).values();
    return offer?.members.map((each) => each.cluster).join('');
  };
  assert.equal(order({ a: '', b: '2025-01-01T00:00:00Z', c: 'yesterday' }), 'bac');
  assert.equal(order({ a: '2999-01-01T00:00:00Z', b: '' }), 'ab');
  assert.equal(order({ b: '2999-01-01T00:00:00Z', a: '' }), 'ab');
  // 01:00 in UTC, though it reads like the later of the two.
  assert.equal(order({ a: '2025-01-01T02:00:00Z', b: '2025-01-01T03:00:00+02:00' }), 'ba');
});

test('a port of the same number and another name reaches only the clusters that name it so', () => {
  const { catalogs } = inputOf({
    about: '',
    catalogs: {
      a: { exports: [{ namespace: 's', name: 'x', ports: [{ name: 'web', port: 80 }] }] },
      b: { exports: [{ namespace: 's', name: 'x', ports: [{ name: 'http', port: 80 }] }] },
    },
  });
  const members = [...catalogs].map(([cluster, { exports }]) => {
    const one = exports.get('s/x');
    assert.ok(one);
    return { cluster, export: one, assumed: false };
  });
  const { ports, conflicts } = merge(members);
  assert.deepEqual(
    ports.map((each) => [each.name, each.port, each.clusters]),
    [['web', 80, ['a']]],
  );
  assert.deepEqual(
    conflicts.map((each) => each.reason),
    ['PortConflict'],
  );
});
