/** Plays one scenario with one seed. */
import { Run } from './run.ts';
import type { Scenario } from './scenario.ts';

/** What became of it. */
export interface Played {
  readonly problems: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  /** The same for the same scenario and seed. */
  readonly trace: number;
}

export async function play(scenario: Scenario, seed: number): Promise<Played> {
  const run = new Run(seed);
  const figures = await scenario.play(run, seed);
  const { problems, trace } = run.checks;
  return { problems, figures, trace };
}
