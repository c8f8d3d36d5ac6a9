/** One name, and two mirrors that would have it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LABEL_MIRROR } from '#core/names.ts';
import { targetOf } from '#mirror/assumed.ts';
import { plan } from '#mirror/plan.ts';
import { applyPlan, inputOf } from './world.ts';

const link = (clusterName: string, day: number) => ({
  metadata: { name: clusterName, creationTimestamp: `2026-01-0${day}T00:00:00Z` },
  spec: { clusterName, trustDomain: clusterName, trustBundle: 'TEST_ROOT' },
});
const exporting = (name: string) => ({
  exports: [{ namespace: 'shop', name, ports: [{ name: 'http', port: 80 }] }],
});
const links = [link('east', 1), link('b-east', 2)];

test('a mirror keeps its name though a peer whose Link is older begins to export what would be called so', () => {
  const before = inputOf({ about: '', links, catalogs: { 'b-east': exporting('backend') } });
  const made = applyPlan(before, plan(before).actions, { next: 1 });
  const { catalogs, linkStates, heardUnder } = inputOf({
    about: '',
    links,
    catalogs: { 'b-east': exporting('backend'), east: exporting('backend-b') },
  });
  const contested = { ...made, catalogs, linkStates, heardUnder };
  const { actions, findings } = plan(contested);
  const after = applyPlan(contested, actions, { next: 100 });
  const mirror = after.services.get('shop/backend-b-east');
  assert.ok(mirror);
  assert.equal(targetOf(mirror), 'shop/backend');
  assert.equal(mirror.metadata.labels?.[LABEL_MIRROR], 'b-east');
  assert.deepEqual(
    findings.map(({ link, reason, message }) => [link, reason, message]),
    [
      [
        'east',
        'NameTaken',
        'the mirror shop/backend-b-east of shop/backend-b is not made: the name belongs to the mirror of shop/backend, which had it before or whose Link is older',
      ],
    ],
  );
  const { catalogs: withdrawn } = inputOf({
    about: '',
    links,
    catalogs: { 'b-east': { exports: [] }, east: exporting('backend-b') },
  });
  const given = { ...after, catalogs: withdrawn };
  const last = applyPlan(given, plan(given).actions, { next: 200 });
  const heir = last.services.get('shop/backend-b-east');
  assert.equal(heir && targetOf(heir), 'shop/backend-b', 'what is given up is free');
});
