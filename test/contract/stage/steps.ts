/**
 * What two linked clusters are judged by, as steps in their order: flows, the main job, permissions used,
 * permissions taken away.
 */
import assert from 'node:assert/strict';
import { describeError } from '#core/errors.ts';
import { MAIN_JOB } from '#test/e2e/main-job.ts';
import { docs } from '../case.ts';
import type { Outcome } from '../run.ts';
import { FLOWS } from './flows.ts';
import { jobOf } from './job.ts';
import { MUTATIONS, mutate } from './mutations.ts';
import { operate } from './operator.ts';
import type { Pair } from './pair.ts';
import { shippedPermissions, unused } from './permissions.ts';

/** One step; it begins where the one before it ended. */
export interface Step {
  readonly name: string;
  run(pair: Pair): Promise<void>;
}

const OPERATE: Step = {
  name: 'clusters are linked and unlinked by who may do nothing else (docs/permissions.md)',
  run: operate,
};

const [LINKED, ...LATER] = MAIN_JOB.map(({ name, run }) => ({
  name,
  run: (pair: Pair) => run(jobOf(pair)),
}));

/** The first step after which the two are not as they were. */
const OUTAGE = LATER.findIndex(({ name }) => name.startsWith('killing'));

/** See the file header. */
export const STEPS: readonly Step[] = [
  ...(LINKED ? [LINKED] : []),
  ...FLOWS,
  ...LATER.slice(0, OUTAGE),
  OPERATE,
  ...LATER.slice(OUTAGE),
  {
    name: 'every permission of manifests/ is used: without it something above would fail',
    async run({ west, east }) {
      const recorded = [...west.recorder.recorded, ...east.recorder.recorded];
      assert.deepEqual(unused(shippedPermissions(), recorded), []);
    },
  },
  ...MUTATIONS.map((mutation) => ({
    name: mutation.name,
    run: ({ west }: Pair) => mutate(west, mutation),
  })),
];

const SOURCE = docs('concepts/overview/components/');

/** Runs every step, also after one that failed; what became of each. */
export async function runSteps(pair: Pair): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { name, run } of STEPS) {
    const startMs = performance.now();
    const reason = await run(pair).then(() => '', describeError);
    const verdict = reason === '' ? 'passed' : 'failed';
    const tookMs = performance.now() - startMs;
    outcomes.push({ name, source: SOURCE, verdict, reason, tookMs, records: new Map() });
  }
  return outcomes;
}

/** The outcomes of steps that could not be tried, or of clusters that did not start. */
export function untried(verdict: 'skipped' | 'failed', reason: string): Outcome[] {
  return STEPS.map(({ name }, at) => ({
    name,
    source: SOURCE,
    // One failure says it; the others are not its repetition.
    verdict: at === 0 ? verdict : 'skipped',
    reason: at === 0 ? reason : 'the clusters did not start',
    tookMs: 0,
    records: new Map(),
  }));
}
