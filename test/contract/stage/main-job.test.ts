/**
 * The main job on two control planes and played nodes: what real control planes are judged by, here on
 * embedded ones. It also shows that every permission of `manifests/` is used, and none is missing.
 */
import { after, before, describe, test } from 'node:test';
import { MAIN_JOB } from '#test/e2e/main-job.ts';
import { jobOf } from './job.ts';
import { type Pair, startEmbeddedPair } from './pair.ts';

describe('two embedded control planes with played nodes', () => {
  let pair: Pair;
  before(async () => {
    pair = await startEmbeddedPair();
  });
  after(() => pair?.stop());

  for (const { name, run } of MAIN_JOB) test(name, () => run(jobOf(pair)));
});
