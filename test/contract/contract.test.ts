/**
 * The contract, judged on the embedded API server; `npm run test:contract` judges a real one too.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ContractCase } from './case.ts';
import { CASES } from './cases/all.ts';
import { startEmbedded } from './embedded.ts';
import { AT_ONCE, runCase } from './run.ts';
import type { Target } from './target.ts';

describe('what Isthmus relies on in Kubernetes', () => {
  let target: Target;
  before(async () => {
    target = await startEmbedded();
  });
  after(() => target?.stop());

  const judge = (each: ContractCase) =>
    test(each.name, async (context) => {
      const { verdict, reason } = await runCase(each, target);
      if (verdict === 'skipped') context.skip(reason);
      else if (verdict === 'failed') assert.fail(`${reason}\n${each.source}`);
    });

  describe('side by side', { concurrency: AT_ONCE }, () => {
    for (const each of CASES) if (!each.alone) judge(each);
  });
  describe('alone', () => {
    for (const each of CASES) if (each.alone) judge(each);
  });

  test('every clause has a name of its own and says where it comes from', () => {
    const names = CASES.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const { name, source } of CASES) assert.match(source, /^https:\/\/\S+$/, name);
  });
});
