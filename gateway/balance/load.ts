/**
 * How much longer an endpoint takes for each request that waits there, learnt from its answers. pure
 *
 * Nobody says how many requests a pod serves at once. A line through what answers took by how many waited when they
 * were asked for tells: for a pod that serves one after the other it rises by a whole service time with each, for one
 * without a limit hardly at all. What is nearly flat is a discount on the cost of those that wait, as far as so many
 * are familiar. Until enough is known, and again after an outage, each costs a whole service time: a few at once tell
 * little, and to spread them does no harm.
 */
import { ROW, ROW_SIZE } from './row.ts';
import type { EndpointTable } from './table.ts';

const SIZE = ROW_SIZE;
const { COVARIANCE, DISCOUNT, ESTIMATE, FAMILIAR, MEAN_LOAD, MEAN_MS, OBSERVED, VARIANCE } = ROW;

/** What one answer weighs. */
const ALPHA = 0.03;
/** How much the assumption weighs, as a variance of requests under way. */
const PRIOR = 4;
/** An endpoint without any limit costs this much more with each request all the same. */
const PER_REQUEST_MIN = 0.02;
/** What others' requests add is nothing to flee from below this, as for the tolerance of a locality. */
const NOISE_MS = 5;

/**
 * So many standard deviations above the mean load is familiar: evenly spread from none on, a little less than the most
 * there was. What is beyond costs in full, so that the range grows step by step.
 */
const FAMILIAR_DEVIATIONS = 1.5;

/** `slot` answered after `latencyMs` what it was asked while `load` others waited there. */
export function observeLoad(
  table: EndpointTable,
  slot: number,
  load: number,
  latencyMs: number,
): void {
  const { rows } = table;
  const at = slot * SIZE;
  const before = rows[at + MEAN_LOAD] as number;
  // Where hardly anybody ever waits there is nothing to be learnt.
  if (load === 0 && before < ALPHA) return;
  const offLoad = load - before;
  const offMs = latencyMs - (rows[at + MEAN_MS] as number);
  const weighed = ALPHA * offLoad;
  rows[at + MEAN_LOAD] = before + weighed;
  (rows[at + MEAN_MS] as number) += ALPHA * offMs;
  rows[at + VARIANCE] = (1 - ALPHA) * ((rows[at + VARIANCE] as number) + weighed * offLoad);
  rows[at + COVARIANCE] = (1 - ALPHA) * ((rows[at + COVARIANCE] as number) + weighed * offMs);
}

/** Draws the line anew through what was observed of `slot`; its cost is to be made anew. On the tick. */
export function learnLoad({ rows }: EndpointTable, slot: number): void {
  const at = slot * SIZE;
  const meanLoad = rows[at + MEAN_LOAD] as number;
  const meanMs = rows[at + MEAN_MS] as number;
  const variance = rows[at + VARIANCE] as number;
  // One after the other, a request takes as long as all before it and itself.
  const assumedMs = meanMs / (meanLoad + 1);
  const eachMs = ((rows[at + COVARIANCE] as number) + PRIOR * assumedMs) / (variance + PRIOR);
  const aloneMs = meanMs - eachMs * meanLoad;
  // Where most of a latency is others' requests, there are as many as there may be.
  const crowded = (eachMs * meanLoad) / (aloneMs + NOISE_MS);
  rows[at + DISCOUNT] =
    eachMs < aloneMs
      ? (1 - Math.max(PER_REQUEST_MIN, eachMs / aloneMs)) * Math.min(1, Math.max(0, 2 - crowded))
      : 0;
  rows[at + FAMILIAR] = meanLoad + FAMILIAR_DEVIATIONS * Math.sqrt(variance);
}

/**
 * `slot` lost against a hedge after `waitedMs`. Where it has answered nobody since `startMs`, and should have, half as
 * much is familiar: who falls silent tells nothing by answers, and must not be given as many as when it was well.
 */
export function shrinkIfSilent(
  { rows }: EndpointTable,
  slot: number,
  startMs: number,
  waitedMs: number,
): void {
  const at = slot * SIZE;
  if (waitedMs <= (rows[at + ESTIMATE] as number)) return;
  if ((rows[at + OBSERVED] as number) > startMs) return;
  (rows[at + FAMILIAR] as number) /= 2;
  (rows[at + MEAN_LOAD] as number) /= 2;
  (rows[at + COVARIANCE] as number) /= 4;
  (rows[at + VARIANCE] as number) /= 4;
}

/** Nothing is known of `slot` any more. */
export function forgetLoad(table: EndpointTable, slot: number): void {
  for (const fact of [MEAN_LOAD, MEAN_MS, VARIANCE, COVARIANCE, DISCOUNT, FAMILIAR])
    table.set(slot, fact, 0);
}
