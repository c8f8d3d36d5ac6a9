/** Whose announcement a Link's status holds, when an operator names other roots. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkStatus } from '#kube/resources/link.ts';
import type { PlanInput } from '#mirror/input.ts';
import { plan } from '#mirror/plan.ts';
import { createAuthority } from '#test/identity/authority-fixture.ts';
import { applyPlan, inputOf } from './world.ts';

const OLD = createAuthority('east').trustBundle;
const NEW = createAuthority('east').trustBundle;

/** West with a Link to east that names `bundle`; east is connected and announces OLD. */
function west(bundle: string, status: LinkStatus = {}, heardUnder: Record<string, string> = {}) {
  const spec = { clusterName: 'east', trustDomain: 'east.isthmus.local', trustBundle: bundle };
  const metadata = { name: 'east', uid: 'l1', creationTimestamp: '2026-01-01T00:00:00Z' };
  const link = { metadata, spec: { ...spec, gateways: [{ host: '203.0.113.1' }] }, status };
  const cluster = { trustBundle: OLD, gateways: [{ host: '203.0.113.9', port: 4143 }] };
  return inputOf({
    about: '',
    links: [link],
    catalogs: { east: { cluster, exports: [] } },
    heardUnder,
  } as never);
}

function statusAfter(input: PlanInput): LinkStatus {
  const done = applyPlan(input, plan(input).actions, { next: 0 });
  return done.links[0]?.status ?? {};
}

test('what a connected peer announces is kept', () => {
  const status = statusAfter(west(OLD));
  assert.equal(status.trustBundle, OLD);
  assert.equal(status.gateways?.[0]?.host, '203.0.113.9');
});

test('a new bundle in the spec takes back what the holder of the old one announced', () => {
  const before = statusAfter(west(OLD));
  const status = statusAfter(west(NEW, before, { east: 'the old roots' }));
  assert.equal(status.trustBundle, undefined);
  assert.equal(status.gateways, undefined);
  const trust = status.conditions?.find((each) => each.type === 'TrustCurrent');
  assert.equal(trust?.reason, 'NotAnnounced');
});

test('what is announced under the new bundle counts again', () => {
  const before = statusAfter(west(NEW, {}, { east: 'the old roots' }));
  assert.equal(statusAfter(west(NEW, before)).trustBundle, OLD);
});

test('a Link that cannot be used for a while keeps what the peer announced, for when its spec is as before', () => {
  const before = statusAfter(west(OLD));
  const { specHash, trustBundle, gateways } = statusAfter(west('a slip of the pen', before));
  assert.deepEqual(
    [specHash, trustBundle, gateways],
    [before.specHash, before.trustBundle, before.gateways],
  );
});
