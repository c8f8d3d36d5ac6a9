/** A peer that suddenly exports far less keeps what it had, for a minute. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countFitting } from '#core/catalog.ts';
import { WithdrawalGuard } from '#mirror/withdrawals.ts';
import { inputOf } from './world.ts';

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
