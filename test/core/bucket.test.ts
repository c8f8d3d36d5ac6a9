/** Token buckets: a burst, and so many more each second. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bucket } from '#core/bucket.ts';

function taken(bucket: Bucket, nowMs: number): number {
  let count = 0;
  while (bucket.take(nowMs)) count += 1;
  return count;
}

test('a bucket gives its burst at once, and so many more each second', () => {
  const bucket = new Bucket({ burst: 10, perSecond: 3 });
  assert.equal(taken(bucket, 5), 10);
  assert.equal(taken(bucket, 338), 0);
  assert.equal(taken(bucket, 339), 1);
  for (let second = 2; second < 100; second += 1)
    assert.equal(taken(bucket, second * 1_000 + 5), second === 2 ? 5 : 3);
});

test('a bucket that was idle gives no more than its burst, whatever was left in it', () => {
  for (const before of [0, 1, 5, 9, 10]) {
    const bucket = new Bucket({ burst: 10, perSecond: 1 });
    for (let at = 0; at < before; at += 1) bucket.take(0);
    assert.equal(taken(bucket, 3_600_000), 10, `${before} taken an hour before`);
  }
});

test('a bucket takes tokens back, up to its burst', () => {
  const bucket = new Bucket({ burst: 10, perSecond: 1 });
  for (let at = 0; at < 10; at += 1) bucket.take(0);
  bucket.give(4);
  assert.equal(taken(bucket, 0), 4);
  bucket.give(100);
  assert.equal(taken(bucket, 0), 10);
});

test('a bucket knows what is left in it', () => {
  const bucket = new Bucket({ burst: 4, perSecond: 1 });
  assert.equal(bucket.has(4, 0), true);
  for (let at = 0; at < 3; at += 1) bucket.take(0);
  assert.deepEqual([bucket.has(1, 0), bucket.has(2, 0), bucket.has(2, 1_000)], [true, false, true]);
});
