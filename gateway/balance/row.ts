/**
 * What a request touches of an endpoint: twenty numbers side by side, three lines of the CPU's cache. pure
 *
 * One array for all of it, for V8 looks at every typed array anew before its first use in a function: one look
 * instead of ten halves what a request costs here. Who uses this for each request takes the places out of
 * {@link ROW} once, at the top of the file: constants of one's own file are part of the code, imported ones are not.
 */

/** Where each fact stands in its row. Times are milliseconds. */
export const ROW = {
  /** What one more request costs there, ages left out; made anew by `price()`. */
  COST: 0,
  /** By how much less a request costs that waits there, of those up to `FAMILIAR` (`load.ts`). */
  DISCOUNT: 1,
  /** Attempts that wait for a first byte, and the sum of their starts. */
  WAITING: 2,
  STARTS: 3,
  /** Expected time to the first byte. */
  ESTIMATE: 4,
  IN_FLIGHT: 5,
  /** When it answered last, or came. */
  OBSERVED: 6,
  /** Success rate. */
  SUCCESS: 7,
  /** What a cost is multiplied with: 1 / (share · success²). */
  FACTOR: 8,
  /** Static weight × slow start. */
  SHARE: 9,
  /** How much one request under way loads it: 1 / capacity for a cluster, 1 for a pod. */
  PER_CAPACITY: 10,
  /** Failures since the last success. */
  FAILURES: 11,
  /** Answers, and bad ones among them, of these seconds; see {@link EndpointTable.turn}. */
  ANSWERS: 12,
  BAD: 13,
  /** How many waited there at once lately, as a rule. */
  FAMILIAR: 14,
  /** By how much each request beyond those raises a cost. */
  COST_EACH: 15,
  /** Of its last answers: how many waited when they were asked for, what they took, and how both vary (`load.ts`). */
  MEAN_LOAD: 16,
  MEAN_MS: 17,
  VARIANCE: 18,
  COVARIANCE: 19,
} as const;

/** Numbers in a row. */
export const ROW_SIZE = 20;
