/** What an attack may do to a bystander. pure */

/** The bystander's p99 under attack, to the larger of the others. */
const RATIO_MAX = 2;
/** A p99 below this is within the noise of a busy machine, whatever the ratio. */
const NOISE_MS = 10;

/** Whether an attack did more than that. */
export function isBeyond(of: { readonly ratio: number; readonly attackedP99Ms: number }): boolean {
  return of.ratio > RATIO_MAX && of.attackedP99Ms > NOISE_MS;
}

/** Of several runs of one attack the one in the middle, by ratio; a request that failed in any of them has failed. */
export function middleOf<T extends { readonly ratio: number; readonly failed: number }>(
  runs: readonly T[],
): T {
  const sorted = runs.toSorted((one, other) => one.ratio - other.ratio);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('no run');
  return { ...middle, failed: Math.max(...runs.map(({ failed }) => failed)) };
}
