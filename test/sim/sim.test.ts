/**
 * Fifty seeds of the simulation, one scenario after the other; `npm run sim` plays many more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { play } from './play.ts';
import { Run } from './run.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/all.ts';
import { PROMISED, playReference } from './scenarios/reference.ts';

const SEEDS = 50;
/** How far from what was promised the reference experiment may be. */
const SLACK = 0.15;

for (const [at, scenario] of SCENARIOS.entries()) {
  test(`${scenario.name}: ${scenario.about}`, async () => {
    for (let seed = at + 1; seed <= SEEDS; seed += SCENARIOS.length) {
      const { problems } = await play(scenario, seed);
      const replay = `npm run sim -- --scenario ${scenario.name} --seed ${seed}`;
      assert.equal(problems.length, 0, `${problems.join('\n  ')}\n  replay: ${replay}\n`);
    }
  });
}

test('the reference experiment is within 15 % of what the design promises', async (t) => {
  const figures = await playReference(new Run(1), 10_000, 30_000);
  t.diagnostic(JSON.stringify(figures));
  for (const [name, promised] of Object.entries(PROMISED)) {
    const value = figures[name as keyof typeof PROMISED];
    const off = Math.abs(value - promised) / promised;
    assert.ok(off <= SLACK, `${name} is ${value}, promised was ${promised}`);
  }
});

test('the same seed plays the same', async () => {
  const scenario = SCENARIOS.find(({ name }) => name === 'flapping') as Scenario;
  assert.deepEqual(await play(scenario, 7), await play(scenario, 7));
});
