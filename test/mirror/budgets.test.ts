/** Who pays for a write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budgetOf, STATUS_OF_LINK } from '#mirror/budgets.ts';
import type { Action } from '#mirror/input.ts';
import { plan } from '#mirror/plan.ts';
import { applyPlan, inputOf, type World } from './world.ts';

const linkOf = (clusterName: string) => ({
  metadata: { name: clusterName },
  spec: { clusterName, trustDomain: 't', trustBundle: 'TEST_ROOT' },
});

/** Who pays for what the plan does, by kind and name. */
function payers(world: Omit<World, 'about'>, before?: Omit<World, 'about'>) {
  let input = inputOf({ about: '', ...world });
  if (before !== undefined) {
    const start = inputOf({ about: '', ...before });
    const { services, slices } = applyPlan(start, plan(start).actions, { next: 1 });
    input = { ...input, services, slices };
  }
  const known = {
    services: input.services,
    linked: new Set(input.links.flatMap((each) => each.clusterName ?? [])),
    catalogs: new Map([...input.catalogs].map(([name, each]) => [name, each.exports])),
  };
  const groups = new Map<string, Action[]>();
  for (const action of plan(input).actions)
    groups.set(action.key, [...(groups.get(action.key) ?? []), action]);
  return Object.fromEntries(
    [...groups].map(([key, actions]) => [key, budgetOf(actions, known)?.name]),
  );
}

const backend = [{ namespace: 'shop', name: 'backend' }];
const links = [linkOf('east'), linkOf('north')];
const both = { links, catalogs: { east: { exports: backend }, north: { exports: backend } } };
const east = { links, catalogs: { east: { exports: backend }, north: { exports: [] } } };

test('a mirror is paid by its peer, that of several by all of them apart from what each has alone', () => {
  const paid = payers(both);
  assert.equal(paid['shop/backend-east'], 'east');
  assert.equal(paid['shop/backend-north'], 'north');
  assert.equal(paid['shop/backend-global'], 'east,north');
});

test('who leaves a mirror pays like who comes, and unlinking is paid by nobody', () => {
  const left = payers(east, both);
  assert.deepEqual(
    [left['shop/backend-global'], left['shop/backend-north']],
    ['east,north', 'north'],
  );
  const unlinked = payers({ links: [linkOf('east')], catalogs: { east: { exports: [] } } }, both);
  assert.ok('shop/backend-north' in unlinked);
  assert.equal(unlinked['shop/backend-north'], undefined);
  assert.equal(unlinked['shop/backend-east'], 'east');
});

test('what gateways and users cause is paid by nobody, and the status of a Link apart', () => {
  const moved = payers({ ...both, gateways: ['10.0.1.9'] }, both);
  assert.ok('shop/backend-east' in moved);
  assert.equal(moved['shop/backend-east'], undefined);
  const [status] = plan(inputOf({ about: '', ...both })).actions.filter(
    (each) => each.kind === 'Link',
  );
  assert.ok(status);
  const known = { services: new Map(), linked: new Set<string>(), catalogs: new Map() };
  assert.deepEqual(budgetOf([status], known), {
    name: 'Link isthmus-system/east',
    rate: STATUS_OF_LINK,
  });
  const own = {
    ...both,
    services: [
      {
        metadata: { name: 'backend', namespace: 'shop', labels: { 'isthmus.dev/export': 'true' } },
        spec: { ports: [{ port: 80 }] },
      },
    ],
  };
  assert.equal(payers(own)['shop/backend'], undefined, 'the label of a user');
  const exported = { ...own, exports: [{ metadata: { name: 'backend', namespace: 'shop' } }] };
  assert.equal(payers(exported)['shop/backend'], 'east,north', 'a condition about other exports');
});
