/**
 * Many seeds, one after the other; the first that fails is named with the command that plays it again.
 */
import { type Outcome, simulate } from './simulate.ts';

/** How much is played. */
export interface ReflectorSoak {
  readonly firstSeed: number;
  readonly seeds: number;
  /** Random faults in each seed. */
  readonly faults: number;
  readonly progress: (text: string) => void;
}

/** What was played. */
export interface ReflectorFigures {
  readonly seeds: number;
  readonly faults: number;
  /** Of virtual time, over all seeds. */
  readonly virtualHours: number;
  readonly lists: number;
  /** Seeds that did not end with an equal cache. */
  readonly failed: readonly Outcome[];
}

const PROGRESS_EVERY = 50;

/** Plays every seed. */
export async function soakReflector(wish: ReflectorSoak): Promise<ReflectorFigures> {
  const failed: Outcome[] = [];
  let seconds = 0;
  let lists = 0;
  for (let count = 0; count < wish.seeds; count += 1) {
    const outcome = await simulate(wish.firstSeed + count, wish.faults);
    seconds += outcome.seconds;
    lists += outcome.lists;
    if (outcome.differences.length > 0) {
      failed.push(outcome);
      wish.progress(replay(outcome));
    }
    if ((count + 1) % PROGRESS_EVERY === 0) {
      wish.progress(`reflector: ${count + 1} of ${wish.seeds} seeds, ${failed.length} failed`);
    }
  }
  const virtualHours = Math.round(seconds / 3_600);
  return { seeds: wish.seeds, faults: wish.faults, virtualHours, lists, failed };
}

/** Why a seed failed, and how to see it fail again. */
export function replay(outcome: Outcome): string {
  const { seed, faults, differences } = outcome;
  const shown = differences.slice(0, 5).join('\n  ');
  return `seed ${seed} failed after ${faults} faults; again: npm run soak -- reflector --seed ${seed} --seeds 1 --faults ${faults}\n  ${shown}`;
}
