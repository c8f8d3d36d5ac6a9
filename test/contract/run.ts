/**
 * Runs cases against one cluster, several at a time, each with a deadline, and notes what happened.
 */
import { describeError } from '#core/errors.ts';
import type { Json } from '#devcluster/values/json.ts';
import type { ContractCase, Need } from './case.ts';
import { CaseCluster } from './cluster.ts';
import type { Target } from './target.ts';

/** What became of a case. */
export interface Outcome {
  readonly name: string;
  readonly source: string;
  readonly verdict: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  readonly reason: string;
  readonly tookMs: number;
  /** What the case noted, for comparison. */
  readonly records: ReadonlyMap<string, Json>;
}

/** Cases under way at once: most of their time is spent waiting for controllers. */
export const AT_ONCE = 8;
const CASE_DEADLINE_MS = 240_000;

/** Runs one case; never rejects. */
export async function runCase(each: ContractCase, target: Target): Promise<Outcome> {
  const { name, source } = each;
  const startMs = performance.now();
  const outcome = (verdict: Outcome['verdict'], reason: string, records = new Map()) => ({
    name,
    source,
    verdict,
    reason,
    tookMs: performance.now() - startMs,
    records,
  });
  const missing = each.needs?.map(unmet).find((reason) => reason !== undefined);
  if (missing !== undefined) return outcome('skipped', missing);
  const cluster = new CaseCluster(target);
  try {
    await within(CASE_DEADLINE_MS, each.run(cluster));
    return outcome('passed', '', cluster.records);
  } catch (error) {
    return outcome('failed', describeError(error), cluster.records);
  } finally {
    await cluster.end().catch(() => undefined);
  }
}

/** Runs every case; outcomes in the order of `cases`. */
export async function runCases(
  cases: readonly ContractCase[],
  target: Target,
  onOutcome: (outcome: Outcome) => void = () => undefined,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const all = [...cases.entries()];
  const run = async (waiting: Iterable<[number, ContractCase]>) => {
    for (const [at, each] of waiting) {
      const outcome = await runCase(each, target);
      outcomes[at] = outcome;
      onOutcome(outcome);
    }
  };
  const shared = all.filter(([, each]) => !each.alone).values();
  await Promise.all(Array.from({ length: AT_ONCE }, () => run(shared)));
  await run(all.filter(([, each]) => each.alone));
  return outcomes;
}

/** Why the machine cannot give what is needed. */
function unmet(need: Need): string | undefined {
  switch (need) {
    case 'root':
      return process.getuid?.() === 0 ? undefined : 'needs root, for a network namespace';
  }
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not finished within ${ms} ms`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
