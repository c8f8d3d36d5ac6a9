/** Percentiles are values that were measured; medians lie between them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, percentile, rounded } from '#core/figures.ts';

test('a percentile is the nearest rank', () => {
  const sorted = [10, 20, 30, 40];
  const found = [0, 0.25, 0.26, 0.5, 0.75, 0.99, 1].map((share) => percentile(sorted, share));
  assert.deepEqual(found, [10, 10, 20, 20, 30, 40, 40]);
  assert.equal(percentile([7], 0.5), 7);
  assert.equal(percentile([], 0.5), null);
});

test('a median is the middle, or between the two', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([]), null);
});

test('nothing measured stays nothing when it is rounded', () => {
  assert.equal(rounded(1.256, 2), 1.26);
  assert.equal(rounded(null, 2), null);
});
