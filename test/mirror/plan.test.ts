/** Properties of the plan as a whole. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { below, seededRandom } from '#core/random.ts';
import { isMirror } from '#kube/mirror.ts';
import type { PlanInput } from '#mirror/input.ts';
import { importsNamespace } from '#mirror/peers.ts';
import { plan } from '#mirror/plan.ts';
import { applyPlan, inputOf, readWorld, type World } from './world.ts';

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
