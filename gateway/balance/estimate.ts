/**
 * How an endpoint's estimates follow what is observed, and what a request there would cost. pure
 *
 * Time-aware: after a pause one faster answer is believed, within a stream of them it takes several,
 * so that neither a lucky answer nor a recovery misleads. Failures and attempts that were given up can
 * only make an endpoint look slower, for else whoever fails fast would be asked most.
 */
import { ROW, ROW_SIZE } from './row.ts';
import { type EndpointTable, FLAG } from './table.ts';
import { TUNING } from './tuning.ts';

const SIZE = ROW_SIZE;
const { ESTIMATE, IN_FLIGHT, OBSERVED, PER_CAPACITY, STARTS, SUCCESS, WAITING } = ROW;
const { UNSEEN } = FLAG;
const { alphaUp, alphaDownMin, alphaDownTauMs, successAlpha } = TUNING;

/** Gaps up to this long weigh {@link TUNING.alphaDownMin}. */
const SHORT_GAP_MS = -alphaDownTauMs * Math.log(1 - alphaDownMin);
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
  const { rows, flags } = table;
  const at = slot * SIZE;
  const latencyMs = Math.max(LEAST_MS, firstByteMs);
  const estimateMs = rows[at + ESTIMATE] as number;
  const flag = flags[slot] as number;
  if ((flag & UNSEEN) !== 0) {
    flags[slot] = flag & ~UNSEEN;
    rows[at + ESTIMATE] = latencyMs;
  } else if (latencyMs > estimateMs) {
    rows[at + ESTIMATE] = estimateMs + alphaUp * (latencyMs - estimateMs);
  } else {
    const gapMs = nowMs - (rows[at + OBSERVED] as number);
    const alpha = gapMs <= SHORT_GAP_MS ? alphaDownMin : 1 - Math.exp(-gapMs / alphaDownTauMs);
    rows[at + ESTIMATE] = estimateMs + alpha * (latencyMs - estimateMs);
  }
  rows[at + OBSERVED] = nowMs;
}

/** `slot` has not sent a first byte for `waitedMs`, and never will: it is at least that slow. */
export function raise(table: EndpointTable, slot: number, waitedMs: number): void {
  const estimateMs = table.get(slot, ESTIMATE);
  if (!(waitedMs > estimateMs)) return;
  const alpha = table.is(slot, UNSEEN) ? 1 : alphaUp;
  (table.flags[slot] as number) &= ~UNSEEN;
  table.set(slot, ESTIMATE, estimateMs + alpha * (waitedMs - estimateMs));
}

/** `slot` answered well, or did not; its factor is to be made anew if this returns true. */
export function countSuccess(table: EndpointTable, slot: number, isGood: boolean): boolean {
  const { rows } = table;
  const at = slot * SIZE + SUCCESS;
  const success = rows[at] as number;
  if (isGood && success === 1) return false;
  const next = success + successAlpha * ((isGood ? 1 : 0) - success);
  rows[at] = next > AS_GOOD_AS_ONE ? 1 : next;
  return true;
}

/**
 * Nobody asked `slot` for a while: its estimate goes a `share` of the way to `towardsMs`, never to 0,
 * and its success rate to 1. A guess is `towardsMs` at once. Nothing happens to the estimate when that is NaN.
 */
export function drift(table: EndpointTable, slot: number, towardsMs: number, share: number): void {
  const success = table.get(slot, SUCCESS);
  if (success < 1) {
    const next = success + share * (1 - success);
    table.set(slot, SUCCESS, next > AS_GOOD_AS_ONE ? 1 : next);
  }
  if (Number.isNaN(towardsMs)) return;
  const estimateMs = table.get(slot, ESTIMATE);
  const isGuess = table.is(slot, UNSEEN);
  table.set(slot, ESTIMATE, isGuess ? towardsMs : estimateMs + share * (towardsMs - estimateMs));
}

/** The larger of what `slot` is expected to take and the mean age of what waits there. */
function expectedMs(table: EndpointTable, slot: number, nowMs: number): number {
  const estimateMs = table.get(slot, ESTIMATE);
  const waiting = table.get(slot, WAITING);
  return waiting === 0
    ? estimateMs
    : Math.max(estimateMs, nowMs - table.get(slot, STARTS) / waiting);
}

/** What a request at `slot` costs beside another group's: slow starts are in the share of its group already. */
export function costMs(table: EndpointTable, slot: number, nowMs: number): number {
  const familiar = Math.min(table.get(slot, WAITING), table.get(slot, ROW.FAMILIAR));
  const underWay = table.get(slot, IN_FLIGHT) - table.get(slot, ROW.DISCOUNT) * familiar;
  const load = underWay * table.get(slot, PER_CAPACITY) + 1;
  const success = Math.max(TUNING.successFloor, table.get(slot, SUCCESS));
  return (expectedMs(table, slot, nowMs) * load) / (success * success);
}

/** Whether what waits at `slot` waits much longer than anything took there: the way to it may be cut. */
export function stalls(table: EndpointTable, slot: number, nowMs: number): boolean {
  const estimateMs = table.get(slot, ESTIMATE);
  return expectedMs(table, slot, nowMs) > TUNING.stallFactor * estimateMs + TUNING.stallMs;
}

/** Whether `slot` has answered nobody since `sinceMs`, and {@link stalls}. */
export function isSilent(
  table: EndpointTable,
  slot: number,
  sinceMs: number,
  nowMs: number,
): boolean {
  return table.get(slot, OBSERVED) <= sinceMs && stalls(table, slot, nowMs);
}
