/** Properties of the plan, and tables for what it is made of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countFitting } from '#core/catalog.ts';
import { below, seededRandom } from '#core/random.ts';
import { isMirror } from '#kube/mirror.ts';
import type { PlanInput } from '#mirror/input.ts';
import { merge } from '#mirror/merge.ts';
import { importsNamespace } from '#mirror/peers.ts';
import { plan } from '#mirror/plan.ts';
import { allocatePorts, type PortClaim } from '#mirror/ports.ts';
import { WithdrawalGuard } from '#mirror/withdrawals.ts';
import { applyPlan, inputOf, readWorld, type World } from './world.ts';

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
  test(`ports: ${name}`, () => {
    const given = allocatePorts(claims, range, new Set(taken), new Map(resting));
    for (const [owner, port] of Object.entries(expected)) assert.equal(given.get(owner), port);
    assert.equal(given.size, claims.length);
    assert.equal(new Set(given.values()).size, given.size);
  });
}

test('ports: an exhausted range leaves claims without a port, and gives none twice', () => {
  const links = ['a', 'b', 'c', 'd'];
  const claims = Array.from({ length: 12 }, (_, index) =>
    claim(`owner-${index}`, undefined, '', links[index % 4]),
  );
  const given = allocatePorts(claims, range, new Set(), new Map());
  assert.equal(given.size, 10);
  assert.equal(new Set(given.values()).size, 10);
});

test('ports: a Link that wants everything leaves some, which a later one gets', () => {
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

test('ports: claims beyond the range are refused without a search, but for what rests for them', () => {
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

test('a peer comes in only where its Link says so', () => {
  const spec = (namespaces?: string[]) =>
    ({ import: { createNamespaces: false, ...(namespaces && { namespaces }) } }) as never;
  const cases: [string[] | undefined, string, boolean][] = [
    [undefined, 'shop', true],
    [undefined, 'kube-system', false],
    [undefined, 'isthmus-system', false],
    [['shop'], 'shop', true],
    [['shop'], 'other', false],
    [[], 'shop', false],
    [['kube-public'], 'kube-public', false],
  ];
  for (const [namespaces, namespace, expected] of cases) {
    assert.equal(importsNamespace(spec(namespaces), namespace), expected, namespace);
  }
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

test('an invalid Link that names its own cluster mirrors nothing', () => {
  const own = (trustBundle: string) => ({
    metadata: { name: 'own', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { clusterName: 'west', trustDomain: 'west.isthmus.local', trustBundle },
  });
  const both = readWorld('test/golden/mirror/import-and-local.in.yaml');
  let input = inputOf({ ...both, links: [...(both.links ?? []), own('bad')] });
  const counter = { next: 1 };
  for (let round = 0; round < 3; round += 1) input = applyPlan(input, plan(input).actions, counter);
  assert.equal(input.services.has('shop/backend-global'), true);
  assert.equal(input.services.has('shop/backend-west'), false);
});

test('namespaces are made for mirrors alone, and for one peer no more than a hundred ever', () => {
  const exportsOf = (prefix: string, count: number, protocol = 'TCP') =>
    Array.from({ length: count }, (_, index) => ({
      namespace: `${prefix}-${index}`,
      name: 'x',
      ports: [{ name: 'p', port: 1, protocol }],
    }));
  const worldOf = (exports: World['catalogs']) =>
    inputOf({
      about: '',
      links: ['east', 'north'].map((clusterName) => ({
        metadata: { name: clusterName },
        spec: {
          clusterName,
          trustDomain: 't',
          trustBundle: 'TEST_ROOT',
          import: { createNamespaces: true },
        },
      })),
      catalogs: exports ?? {},
    });
  const made = (input: PlanInput) =>
    plan(input).actions.filter((each) => each.kind === 'Namespace').length;
  assert.equal(made(worldOf({ east: { exports: exportsOf('udp', 300, 'UDP') } })), 0);
  const first = worldOf({ east: { exports: exportsOf('a', 70) } });
  assert.equal(made(first), 70);
  const settled = applyPlan(first, plan(first).actions, { next: 1 });
  const next = worldOf({
    east: { exports: exportsOf('b', 70) },
    north: { exports: exportsOf('c', 20) },
  });
  const then = { ...next, namespaces: settled.namespaces };
  assert.equal(made(then), 30 + 20, 'what the other peer brings does not count');
  const { findings } = plan(then);
  assert.equal(findings.filter((each) => each.reason === 'NamespaceMissing').length, 40);
});

function catalogOfSize(count: number, from = 0) {
  const exports = Array.from({ length: count }, (_, index) => ({
    namespace: 'shop',
    name: `s-${index + from}`,
  }));
  const catalog = inputOf({ about: '', catalogs: { east: { exports } } }).catalogs.get('east');
  assert.ok(catalog);
  return catalog;
}

test('a mass withdrawal is held for a minute and a fresh snapshot, a small one is not', () => {
  const guard = new WithdrawalGuard(new Map());
  assert.equal(guard.judge(catalogOfSize(100), 0, 0).withheld, 0);
  assert.equal(guard.judge(catalogOfSize(90), 0, 1).catalog.exports.size, 90);
  const held = guard.judge(catalogOfSize(5), 0, 1_000);
  assert.deepEqual([held.withheld, held.catalog.exports.size], [85, 90]);
  assert.equal(held.refetchAtMs, 61_000);
  assert.equal(guard.judge(catalogOfSize(5), 0, 62_000).withheld, 85, 'not fetched afresh yet');
  assert.equal(guard.judge(catalogOfSize(90), 0, 62_500).withheld, 0, 'it was an error');
  assert.equal(guard.judge(catalogOfSize(5), 0, 70_000).withheld, 85);
  assert.equal(guard.judge(catalogOfSize(5), 131_000, 131_001).withheld, 0, 'confirmed');
});

test('what is held back and what is new are no more than a catalog can hold, the old first', () => {
  const guard = new WithdrawalGuard(new Map());
  guard.judge(catalogOfSize(9_000), 0, 0);
  for (let round = 1; round <= 3; round += 1) {
    const { catalog, withheld } = guard.judge(catalogOfSize(5_000, round * 8_000), 0, round);
    assert.equal(catalog.exports.size, 10_000);
    assert.ok(withheld >= 8_000, `${withheld}`);
    for (let index = 0; index < 9_000; index += 1)
      assert.ok(catalog.exports.has(`shop/s-${index}`));
  }
});

test('what is held back of exports that are large is with what is new no larger than a catalog', () => {
  const guard = new WithdrawalGuard(new Map());
  const hostnames = Array.from({ length: 2_000 }, () => 'h'.repeat(60));
  for (let round = 0; round < 5; round += 1) {
    const small = catalogOfSize(20, round * 20);
    const large = [...small.exports].map(([key, each]) => [key, { ...each, hostnames }] as const);
    const catalog = { ...small, exports: new Map(large) };
    const { exports } = guard.judge(catalog, 0, round).catalog;
    assert.equal(countFitting(exports.values()), exports.size);
    for (let index = 0; index < 20; index += 1) assert.ok(exports.has(`shop/s-${index}`));
  }
});

/** A world of a few clusters, services and Links, of which anything may be missing or odd. */
function randomWorld(seed: number): World {
  const random = seededRandom(seed);
  const chance = (share: number) => random.next() < share;
  const pick = <T>(values: readonly T[]): T => values[below(random, values.length)] as T;
  const clusters = ['east', 'north', 'west', 'b-east'];
  const names = ['a', 'a-b', 'backend', 'global'];
  const spaces = ['shop', 'kube-system', 'absent', 'other'];
  const ports = () =>
    [
      { name: 'http', port: pick([80, 8080]) },
      { name: pick(['', 'http', 'x']), port: 90 },
    ].slice(0, 1 + below(random, 2));
  const exports = () =>
    names
      .filter(() => chance(0.6))
      .map((name) => ({
        namespace: pick(spaces),
        name,
        ports: ports(),
        createdAt: `2026-01-0${1 + below(random, 3)}T00:00:00Z`,
        type: chance(0.1) ? 'Headless' : 'ClusterSetIP',
      }));
  const linked = clusters.filter(() => chance(0.8));
  return {
    about: '',
    links: linked.map((cluster, index) => ({
      metadata: { name: `link-${index}`, creationTimestamp: `2026-01-0${1 + below(random, 2)}` },
      spec: {
        clusterName: chance(0.1) ? 'east' : cluster,
        trustDomain: 't',
        trustBundle: chance(0.1) ? 'bad' : 'TEST_ROOT',
        import: { createNamespaces: chance(0.3) },
      },
    })),
    catalogs: Object.fromEntries(
      linked.filter(() => chance(0.7)).map((cluster) => [cluster, { exports: exports() }]),
    ),
    services: names
      .filter(() => chance(0.5))
      .map((name) => ({
        metadata: {
          name: chance(0.2) ? `${name}-east` : name,
          namespace: 'shop',
          uid: `u-${name}`,
          labels: chance(0.6) ? { 'isthmus.dev/export': 'true' } : {},
        },
        spec: chance(0.1) ? { type: 'ExternalName' } : { ports: ports() },
      })),
    exports: names
      .filter(() => chance(0.3))
      .map((name) => ({ metadata: { name, namespace: 'shop', uid: `e-${name}` } })),
    namespaces: ['shop', 'other', 'kube-system'],
    portRange: { min: 10_000, max: 10_000 + pick([1, 5, 100]) },
  };
}

test('any plan settles, claims no port twice and touches nothing foreign', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const start = inputOf(randomWorld(seed));
    const foreign = [...start.services].filter(([, each]) => !isMirror(each));
    const counter = { next: 0 };
    let input: PlanInput = start;
    let rounds = 0;
    for (; rounds < 6; rounds += 1) {
      const { actions } = plan(input);
      if (actions.length === 0) break;
      input = applyPlan(input, actions, counter);
    }
    assert.ok(rounds < 6, `seed ${seed} settles`);
    for (const [key, each] of foreign) assert.equal(input.services.get(key), each, `seed ${seed}`);
    const listeners = [...input.services.values()]
      .filter(isMirror)
      .flatMap((each) => each.spec.ports?.map((port) => port.targetPort) ?? []);
    assert.equal(new Set(listeners).size, listeners.length, `seed ${seed}`);
    // Silence takes nothing away; the end of every Link takes everything.
    const unheard = plan({ ...input, catalogs: new Map() });
    const deleted = unheard.actions.filter((each) => each.do === 'delete');
    assert.deepEqual(deleted, [], `seed ${seed} keeps what it had`);
    const unlinked = applyPlan(input, plan({ ...input, links: [] }).actions, counter);
    assert.deepEqual([...unlinked.services.values()].filter(isMirror), [], `seed ${seed}`);
    assert.equal(unlinked.slices.size, 0, `seed ${seed}`);
  }
});

test('a global mirror keeps its local members when the last peer stops exporting, until it is unlinked', () => {
  const counter = { next: 1 };
  const settle = (input: PlanInput) => applyPlan(input, plan(input).actions, counter);
  const both = settle(inputOf(readWorld('test/golden/mirror/import-and-local.in.yaml')));
  const globalOf = (input: PlanInput) => input.services.get('shop/backend-global');
  assert.equal(globalOf(both)?.metadata.annotations?.['isthmus.dev/clusters'], 'east,west');
  const east = both.catalogs.get('east');
  assert.ok(east);
  const withdrawn = { ...both, catalogs: new Map([['east', { ...east, exports: new Map() }]]) };
  const alone = settle(withdrawn);
  assert.equal(globalOf(alone)?.metadata.annotations?.['isthmus.dev/clusters'], 'west');
  assert.equal(alone.services.has('shop/backend-east'), false);
  assert.equal(globalOf(settle({ ...alone, links: [] })), undefined);
});

test('a mirror that somebody made a Service of another type is put right', () => {
  const world = inputOf(readWorld('test/golden/mirror/import-and-local.in.yaml'));
  const settled = applyPlan(world, plan(world).actions, { next: 1 });
  const mirror = settled.services.get('shop/backend-east');
  assert.ok(mirror);
  const spec = { ...mirror.spec, type: 'ExternalName' as const };
  const services = new Map(settled.services).set('shop/backend-east', { ...mirror, spec });
  const applied = plan({ ...settled, services }).actions.map(({ do: verb, kind }) => [verb, kind]);
  assert.deepEqual(applied, [['apply', 'Service']]);
});
