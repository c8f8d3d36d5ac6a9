/** Which port of the gateways stands for which port of a mirror. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocatePorts, type PortClaim } from '#mirror/ports.ts';

const range = { min: 10_000, max: 10_009 };
const claim = (owner: string, held?: number, since = '', link = 'east'): PortClaim => ({
  owner,
  link,
  held,
  since,
});

const portCases: [string, PortClaim[], number[], [number, string][], Record<string, number>][] = [
  ['a held port is kept', [claim('a', 10_003, '1')], [], [], { a: 10_003 }],
  [
    'of two claims the older keeps it',
    [claim('b', 10_003, '2'), claim('c', 10_003, '1')],
    [],
    [],
    { c: 10_003 },
  ],
  ['a port out of range is replaced', [claim('a', 80, '1')], [], [], { a: 10_000 }],
  ['a taken port is passed over', [claim('a')], [10_000, 10_001], [], { a: 10_002 }],
  ['a resting port serves nobody else', [claim('a')], [], [[10_000, 'z']], { a: 10_001 }],
  ['a resting port serves its former owner', [claim('a')], [], [[10_000, 'a']], { a: 10_000 }],
];
for (const [name, claims, taken, resting, expected] of portCases) {
  test(name, () => {
    const given = allocatePorts(claims, range, new Set(taken), new Map(resting));
    for (const [owner, port] of Object.entries(expected)) assert.equal(given.get(owner), port);
    assert.equal(given.size, claims.length);
    assert.equal(new Set(given.values()).size, given.size);
  });
}

test('an exhausted range leaves claims without a port, and gives none twice', () => {
  const links = ['a', 'b', 'c', 'd'];
  const claims = Array.from({ length: 12 }, (_, index) =>
    claim(`owner-${index}`, undefined, '', links[index % 4]),
  );
  const given = allocatePorts(claims, range, new Set(), new Map());
  assert.equal(given.size, 10);
  assert.equal(new Set(given.values()).size, 10);
});

test('a Link that wants everything leaves some, which a later one gets', () => {
  const wide = { min: 10_000, max: 10_899 };
  const greedy = Array.from({ length: 2_000 }, (_, index) => claim(`greedy-${index}`));
  const first = allocatePorts(greedy, wide, new Set(), new Map());
  assert.equal(first.size, 800, 'eight ninths');
  const kept = greedy.map((each) => ({ ...each, held: first.get(each.owner), since: '1' }));
  const late = Array.from({ length: 50 }, (_, index) =>
    claim(`late-${index}`, undefined, '', 'west'),
  );
  const both = allocatePorts([...kept, ...late], wide, new Set(), new Map());
  assert.equal(late.filter((each) => both.has(each.owner)).length, 50);
  for (const [owner, port] of first) assert.equal(both.get(owner), port);
  // At once, they get the same, whatever their names.
  const rivals = Array.from({ length: 2_000 }, (_, index) =>
    claim(`z-${index}`, undefined, '', 'z'),
  );
  const shared = allocatePorts([...greedy, ...rivals], wide, new Set(), new Map());
  const ofGreedy = greedy.filter((each) => shared.has(each.owner)).length;
  assert.ok(Math.abs(2 * ofGreedy - shared.size) <= 1, `${ofGreedy} of ${shared.size}`);
});

test('claims beyond the range are refused without a search, but for what rests for them', () => {
  const full = { min: 10_000, max: 32_767 };
  const claims = Array.from({ length: 76_800 }, (_, index) => claim(`owner-${index}`));
  const beganMs = performance.now();
  const given = allocatePorts(claims, full, new Set(), new Map([[10_000, 'owner-9']]));
  assert.ok(performance.now() - beganMs < 5_000);
  assert.equal(given.get('owner-9'), 10_000);
  const taken = new Set(Array.from({ length: 22_767 }, (_, index) => 10_001 + index));
  const last = allocatePorts(claims, full, taken, new Map([[10_000, 'owner-9']]));
  assert.deepEqual([...last], [['owner-9', 10_000]]);
});
