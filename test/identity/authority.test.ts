/** May this be signed? Every answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideSigning, LEAF_LIFE_MS } from '#identity/authority.ts';
import { systemId, validFor } from './authority-fixture.ts';

const NOW = 1_800_000_000_000;
const CLUSTER = { trustDomain: 'west.isthmus.local', issuer: validFor(1_000, NOW) };
const GATEWAY = { namespace: 'isthmus-system', serviceAccount: 'isthmus-gateway' };

function reasonFor(...args: Parameters<typeof decideSigning>): string {
  const decision = decideSigning(...args);
  return decision.sign ? 'signed' : decision.reason;
}

test('A workload gets the id its token proves, for a day, backdated five minutes', () => {
  const decision = decideSigning(systemId('west', 'isthmus-gateway'), GATEWAY, CLUSTER, NOW);
  assert.deepEqual(decision, {
    sign: true,
    validity: { notBeforeMs: NOW - 300_000, notAfterMs: NOW + LEAF_LIFE_MS },
  });
});

test('A workload gets no other id', () => {
  const cases = [
    systemId('west', 'isthmus-mirror'),
    systemId('east', 'isthmus-gateway'),
    { ...systemId('west', 'isthmus-gateway'), namespace: 'shop' },
  ];
  for (const id of cases) {
    assert.match(reasonFor(id, GATEWAY, CLUSTER, NOW), /but the token belongs to/);
  }
});

test('A leaf never outlives its issuer, and an expired issuer signs nothing', () => {
  const id = systemId('west', 'isthmus-gateway');
  const soon = { ...CLUSTER, issuer: validFor(2, NOW) };
  const decision = decideSigning(id, GATEWAY, soon, NOW);
  assert.equal(decision.sign && decision.validity.notAfterMs, soon.issuer.notAfterMs);
  const expired = { ...CLUSTER, issuer: validFor(-0.5, NOW) };
  assert.match(reasonFor(id, GATEWAY, expired, NOW), /expired/);
});

test('An issuer that is not valid yet signs nothing: the leaf would end before it begins', () => {
  const id = systemId('west', 'isthmus-gateway');
  const ahead = { ...CLUSTER, issuer: validFor(1_000, NOW + 2 * LEAF_LIFE_MS) };
  assert.match(reasonFor(id, GATEWAY, ahead, NOW), /not valid yet/);
});
