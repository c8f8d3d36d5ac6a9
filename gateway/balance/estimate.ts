/**
 * How an endpoint's estimates follow what is observed, and what a request there would cost. pure
 *
 * Time-aware: after a pause one faster answer is believed, within a stream of them it takes several,
 * so that neither a lucky answer nor a recovery misleads. Failures and attempts that were given up can
 * only make an endpoint look slower, for else whoever fails fast would be asked most.
 */
import { type EndpointTable, FLAG } from './table.ts';
import { TUNING } from './tuning.ts';

/** Gaps up to this long weigh {@link TUNING.alphaDownMin}. */
const SHORT_GAP_MS = -TUNING.alphaDownTauMs * Math.log(1 - TUNING.alphaDownMin);
/** A success rate this near to 1 is 1. */
const AS_GOOD_AS_ONE = 0.999;

/** An estimate of nothing would make any load free. */
const LEAST_MS = 0.001;

/** `slot` sent its first byte after `firstByteMs`. */
export function observe(
  table: EndpointTable,
  slot: number,
  nowMs: number,
  firstByteMs: number,
): void {
  const latencyMs = Math.max(LEAST_MS, firstByteMs);
  const estimateMs = table.estimateMs[slot] as number;
  const flags = table.flags[slot] as number;
  if ((flags & FLAG.UNSEEN) !== 0) {
    table.flags[slot] = flags & ~FLAG.UNSEEN;
    table.estimateMs[slot] = latencyMs;
  } else if (latencyMs > estimateMs) {
    table.estimateMs[slot] = estimateMs + TUNING.alphaUp * (latencyMs - estimateMs);
  } else {
    const gapMs = nowMs - (table.observedMs[slot] as number);
    const alpha =
      gapMs <= SHORT_GAP_MS ? TUNING.alphaDownMin : 1 - Math.exp(-gapMs / TUNING.alphaDownTauMs);
    table.estimateMs[slot] = estimateMs + alpha * (latencyMs - estimateMs);
  }
  table.observedMs[slot] = nowMs;
}

/** `slot` has not sent a first byte for `waitedMs`, and never will: it is at least that slow. */
export function raise(table: EndpointTable, slot: number, nowMs: number, waitedMs: number): void {
  const estimateMs = table.estimateMs[slot] as number;
  table.observedMs[slot] = nowMs;
  if (!(waitedMs > estimateMs)) return;
  const flags = table.flags[slot] as number;
  const alpha = (flags & FLAG.UNSEEN) !== 0 ? 1 : TUNING.alphaUp;
  table.flags[slot] = flags & ~FLAG.UNSEEN;
  table.estimateMs[slot] = estimateMs + alpha * (waitedMs - estimateMs);
}

/** `slot` answered well, or did not; its factor is to be made anew if this returns true. */
export function countSuccess(table: EndpointTable, slot: number, isGood: boolean): boolean {
  const success = table.success[slot] as number;
  if (isGood && success === 1) return false;
  const next = success + TUNING.successAlpha * ((isGood ? 1 : 0) - success);
  table.success[slot] = next > AS_GOOD_AS_ONE ? 1 : next;
  return true;
}

/**
 * Nobody asked `slot` for a while: its estimate goes a `share` of the way to `towardsMs`, never to 0,
 * and its success rate to 1. A guess is `towardsMs` at once. Nothing happens to the estimate when that is NaN.
 */
export function drift(table: EndpointTable, slot: number, towardsMs: number, share: number): void {
  const success = table.success[slot] as number;
  if (success < 1) {
    const next = success + share * (1 - success);
    table.success[slot] = next > AS_GOOD_AS_ONE ? 1 : next;
  }
  if (Number.isNaN(towardsMs)) return;
  const estimateMs = table.estimateMs[slot] as number;
  const isGuess = ((table.flags[slot] as number) & FLAG.UNSEEN) !== 0;
  table.estimateMs[slot] = isGuess ? towardsMs : estimateMs + share * (towardsMs - estimateMs);
}

/** The larger of what `slot` is expected to take and the mean age of what waits there. */
export function expectedMs(table: EndpointTable, slot: number, nowMs: number): number {
  const estimateMs = table.estimateMs[slot] as number;
  const waiting = table.waiting[slot] as number;
  if (waiting === 0) return estimateMs;
  const ageMs = nowMs - (table.startsMs[slot] as number) / waiting;
  return Math.max(ageMs, estimateMs);
}

/** What a request at `slot` costs beside another group's: slow starts are in the share of its group already. */
export function costMs(table: EndpointTable, slot: number, nowMs: number): number {
  const load = (table.inFlight[slot] as number) * (table.perCapacity[slot] as number) + 1;
  const success = Math.max(TUNING.successFloor, table.success[slot] as number);
  return (expectedMs(table, slot, nowMs) * load) / (success * success);
}

/** Whether what waits at `slot` waits much longer than anything took there: the way to it may be cut. */
export function stalls(table: EndpointTable, slot: number, nowMs: number): boolean {
  const estimateMs = table.estimateMs[slot] as number;
  return expectedMs(table, slot, nowMs) > TUNING.stallFactor * estimateMs + TUNING.stallMs;
}
