/**
 * What the available members of a group are measured to take: the middle, and the best. pure
 *
 * Read on the tick, not for every pick; of a large group a sample is as good, and costs the same for
 * any number of members.
 */
import { type Members, STANDING } from './members.ts';
import { type EndpointTable, FLAG } from './table.ts';

const SAMPLE_MAX = 127;

const sample = new Float64Array(SAMPLE_MAX);

/** What the measured members take. */
export interface Typical {
  /**
   * The lower median; NaN while nothing is measured. The lower one, for of two endpoints an idle one is to be
   * taken for the fast one: to try it costs one request, not to try it all.
   */
  medianMs: number;
  /**
   * The fastest; NaN while nothing is measured. A member nobody knows is taken to be as good, so that it is
   * tried once: taken for average, it would stay unknown wherever one alone can serve everything.
   */
  bestMs: number;
}

/** Reads `typical` anew; leaves it as it is where nothing is measured. */
export function readTypical(table: EndpointTable, members: Members, typical: Typical): void {
  const active = members.ends[STANDING.ACTIVE] as number;
  const step = Math.max(1, active / SAMPLE_MAX);
  let count = 0;
  for (let at = 0; at < active && count < SAMPLE_MAX; at += step) {
    const slot = members.slots[Math.floor(at)] as number;
    if (((table.flags[slot] as number) & FLAG.UNSEEN) !== 0) continue;
    sample[count] = table.estimateMs[slot] as number;
    count += 1;
  }
  if (count === 0) return;
  const sorted = sample.subarray(0, count).sort();
  typical.medianMs = sorted[(count - 1) >> 1] as number;
  typical.bestMs = sorted[0] as number;
}
