/**
 * What a scenario is: a world made from a seed, and what must be true of it.
 */
import type { Run } from './run.ts';

export interface Scenario {
  readonly name: string;
  /** What is played, in one line. */
  readonly about: string;
  /** Plays it; returns figures worth printing. Problems are reported by {@link Run.expect}. */
  play(run: Run, seed: number): Promise<Readonly<Record<string, number>>>;
}
