/**
 * Plans, case by case: `test/golden/mirror/*.in.yaml` → `*.out.yaml`. A new case is a new file; with
 * `ISTHMUS_UPDATE_GOLDEN=1` the outputs are written instead of compared.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import type { PlanInput } from '#mirror/input.ts';
import { plan } from '#mirror/plan.ts';
import { TEST_ROOT } from '../kube/support.ts';
import { applyPlan, inputOf, readWorld } from './world.ts';

const folder = join(import.meta.dirname, '../golden/mirror');
const cases = readdirSync(folder).filter((name) => name.endsWith('.in.yaml'));

for (const name of cases) {
  const world = readWorld(join(folder, name));
  test(`${name}: ${world.about}`, () => {
    const input = inputOf(world);
    const made = plan(input);
    const json = JSON.stringify(made).replaceAll(JSON.stringify(TEST_ROOT), '"TEST_ROOT"');
    const shown: unknown = JSON.parse(json);
    const path = join(folder, name.replace('.in.yaml', '.out.yaml'));
    if (process.env.ISTHMUS_UPDATE_GOLDEN === '1')
      writeFileSync(path, stringify(shown, { lineWidth: 0, aliasDuplicateObjects: false }));
    assert.deepEqual(shown, parse(readFileSync(path, 'utf8')));
    settles(input);
  });
}

/** Applied, a plan leaves nothing to do; what needs an object that is made first takes a second round. */
function settles(start: PlanInput): void {
  const counter = { next: 0 };
  let input = start;
  for (let round = 0; round < 3; round += 1) {
    const { actions } = plan(input);
    if (actions.length === 0) return;
    input = applyPlan(input, actions, counter);
  }
  assert.deepEqual(plan(input).actions, [], 'nothing is left to do');
}
