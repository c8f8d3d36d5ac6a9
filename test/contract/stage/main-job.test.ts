/**
 * The main job on two control planes and played nodes: what real control planes are judged by, here on
 * embedded ones. It also shows that every permission of `manifests/` is used, and none is missing.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MAIN_JOB } from '#test/e2e/main-job.ts';
import { FLOWS } from './flows.ts';
import { jobOf } from './job.ts';
import { MUTATIONS, mutate } from './mutations.ts';
import { type Pair, startEmbeddedPair } from './pair.ts';
import { shippedPermissions, unused } from './permissions.ts';

describe('two embedded control planes with played nodes', () => {
  let pair: Pair;
  before(async () => {
    pair = await startEmbeddedPair();
  });
  after(() => pair?.stop());

  const [first, ...later] = MAIN_JOB;
  if (first) test(first.name, () => first.run(jobOf(pair)));
  for (const { name, run } of FLOWS) test(name, () => run(pair));
  for (const { name, run } of later) test(name, () => run(jobOf(pair)));

  test('every permission of manifests/ is used: without it something above would fail', () => {
    const recorded = [...pair.west.recorder.recorded, ...pair.east.recorder.recorded];
    assert.deepEqual(unused(shippedPermissions(), recorded), []);
  });

  for (const mutation of MUTATIONS) test(mutation.name, () => mutate(pair.west, mutation));
});
