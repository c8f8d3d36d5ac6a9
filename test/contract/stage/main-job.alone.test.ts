/**
 * The main job on two control planes and played nodes: what real control planes are judged by, here on
 * embedded ones. It also shows that every permission of `manifests/` is used, and none is missing.
 */
import { after, before, describe, test } from 'node:test';
import { type Pair, startEmbeddedPair } from './pair.ts';
import { STEPS } from './steps.ts';

describe('two embedded control planes with played nodes', () => {
  let pair: Pair;
  before(async () => {
    pair = await startEmbeddedPair();
  });
  after(() => pair?.stop());

  for (const { name, run } of STEPS) test(name, () => run(pair));
});
