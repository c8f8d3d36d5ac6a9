/** What an attack may do to a bystander. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBeyond, middleOf } from '#bench/soak/promise.ts';

test('an attack is beyond what it may do at more than twice, unless all of it is short', () => {
  assert.equal(isBeyond({ ratio: 2, attackedP99Ms: 40 }), false);
  assert.equal(isBeyond({ ratio: 2.1, attackedP99Ms: 40 }), true);
  assert.equal(isBeyond({ ratio: 5, attackedP99Ms: 9 }), false);
});

test('of several runs the middle one counts, and what failed in any of them', () => {
  const runs = [
    { ratio: 3, failed: 0 },
    { ratio: 1, failed: 2 },
    { ratio: 1.5, failed: 0 },
  ];
  assert.deepEqual(middleOf(runs), { ratio: 1.5, failed: 2 });
});
