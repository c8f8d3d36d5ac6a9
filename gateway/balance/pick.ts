/**
 * Whom a request goes to, among members of one group that stand alike. pure
 *
 * Promises: constant time for any number of members, nothing allocated, nobody tried before is taken
 * again. Two random and two remembered candidates come close to the cheapest of all without
 * making a herd of everybody; two random ones alone send a tenth of all requests to the slow half for ever
 * (`docs/decisions/0012-balancer.md`).
 */
import { type Dice, SIDES } from './dice.ts';
import type { Endpoint } from './endpoint.ts';
import type { EndpointGroup } from './group.ts';
import { STANDING } from './members.ts';
import { ROW, ROW_SIZE } from './row.ts';
import type { EndpointTable } from './table.ts';

const { ACTIVE, FAILING } = STANDING;
const SIZE = ROW_SIZE;
const PER_SIDE = 1 / SIDES;
const { COST, ESTIMATE, STARTS, WAITING } = ROW;

/** So many are all looked at. */
const FEW = 4;

/** Nobody: less than any slot. */
export const NOBODY = -1;
const NONE = NOBODY;

/** Among those of `group` that may be asked; {@link NOBODY} if there is none that was not tried. */
export function pick(
  group: EndpointGroup,
  dice: Dice,
  nowMs: number,
  tried: readonly Endpoint[],
): number {
  const { ends } = group.members;
  const to = ends[group.panic ? FAILING : ACTIVE] as number;
  return pickOf(group, dice, nowMs, tried, 0, to, true);
}

/** Among those of `group` that stand as `standing`, which is not the first choice. */
export function pickStanding(
  group: EndpointGroup,
  dice: Dice,
  nowMs: number,
  tried: readonly Endpoint[],
  standing: number,
): number {
  const { ends } = group.members;
  const from = ends[standing - 1] as number;
  return pickOf(group, dice, nowMs, tried, from, ends[standing] as number, false);
}

function pickOf(
  group: EndpointGroup,
  dice: Dice,
  nowMs: number,
  tried: readonly Endpoint[],
  from: number,
  to: number,
  /** Only then is the cheapest remembered: nobody may be asked for that whom nobody should ask. */
  isFirstChoice: boolean,
): number {
  const { byLatency, byCost } = group;
  const count = to - from;
  if (count === 0) return NONE;
  if (!byCost) return pickInTurn(group, dice, tried, from, to);
  if (count > FEW && isFirstChoice && tried.length === 0)
    return pickOfMany(group, dice, nowMs, count, byLatency);
  const start = count === 1 ? 0 : (dice.roll() * PER_SIDE * count) | 0;
  const found = pickAny(group, nowMs, tried, from, count, start);
  return found < 0 && count > FEW ? firstUntried(group, tried, from, to, start) : found;
}

/** The first attempt of a request at one of `count`: of two drawn and the two remembered ones. */
function pickOfMany(
  group: EndpointGroup,
  dice: Dice,
  nowMs: number,
  count: number,
  byLatency: boolean,
): number {
  const { rows } = group.table;
  const { slots } = group.members;
  const draw = dice.roll() * PER_SIDE * count;
  const first = draw | 0;
  // What is left of the draw is as random as the draw.
  const other = ((draw - first) * (count - 1)) | 0;
  const a = slots[first] as number;
  const b = slots[other < first ? other : other + 1] as number;
  const costA = costNow(rows, a, nowMs, byLatency);
  const costB = costNow(rows, b, nowMs, byLatency);
  const aWins = costA <= costB;
  let best = aWins ? a : b;
  let bestCost = aWins ? costA : costB;
  let next = aWins ? b : a;
  let nextCost = aWins ? costB : costA;
  // Who is drawn wins over who is remembered where both cost the same.
  const c = group.remembered;
  if (c >= 0 && c !== a && c !== b) {
    const cost = costNow(rows, c, nowMs, byLatency);
    if (cost < nextCost) {
      const wins = cost < bestCost;
      next = wins ? best : c;
      nextCost = wins ? bestCost : cost;
      best = wins ? c : best;
      bestCost = wins ? cost : bestCost;
    }
  }
  const d = group.rememberedSecond;
  if (d >= 0 && d !== a && d !== b) {
    const cost = costNow(rows, d, nowMs, byLatency);
    if (cost < nextCost) {
      const wins = cost < bestCost;
      next = wins ? best : d;
      best = wins ? d : best;
      bestCost = wins ? cost : bestCost;
    }
  }
  group.bestCost = bestCost;
  if (!group.panic) {
    group.remembered = best;
    group.rememberedSecond = next;
  }
  return best;
}

/** Of a few all, from the `start`-th on; of many two, and the two remembered ones; nobody who was tried. */
function pickAny(
  group: EndpointGroup,
  nowMs: number,
  tried: readonly Endpoint[],
  from: number,
  count: number,
  start: number,
): number {
  const { table, byLatency } = group;
  const { rows } = table;
  const { slots } = group.members;
  const looks = Math.min(count, FEW);
  const remembers = count > FEW && from === 0;
  let best = NONE;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let look = 0; look < looks; look += 1) {
    const at = start + look;
    let slot = slots[from + (at < count ? at : at - count)] as number;
    if (remembers && look >= 2) slot = look === 2 ? group.remembered : group.rememberedSecond;
    if (slot < 0 || (tried.length > 0 && wasTried(table, slot, tried))) continue;
    const cost = costNow(rows, slot, nowMs, byLatency);
    if (cost >= bestCost) continue;
    best = slot;
    bestCost = cost;
  }
  group.bestCost = bestCost;
  return best;
}

/** What a request at `slot` costs, ages included. Small, so that it becomes part of whoever asks. */
function costNow(rows: Float64Array, slot: number, nowMs: number, byLatency: boolean): number {
  const at = slot * SIZE;
  const cost = rows[at + COST] as number;
  const waiting = rows[at + WAITING] as number;
  if (waiting === 0 || !byLatency) return cost;
  const ageMs = nowMs - (rows[at + STARTS] as number) / waiting;
  const estimateMs = rows[at + ESTIMATE] as number;
  return ageMs > estimateMs ? (cost * ageMs) / estimateMs : cost;
}

/** Round robin, or a fair draw; weights and slow starts decide whether a turn is taken. */
function pickInTurn(
  group: EndpointGroup,
  dice: Dice,
  tried: readonly Endpoint[],
  from: number,
  to: number,
): number {
  const { table } = group;
  const drawn = group.settings.balancer.strategy === 'random';
  const { slots } = group.members;
  const count = to - from;
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const at = drawn ? Math.floor(dice.roll() * PER_SIDE * count) : group.nextTurn(count);
    const slot = slots[from + at] as number;
    if (tried.length > 0 && wasTried(table, slot, tried)) continue;
    if (group.takesTurn(slot)) return slot;
  }
  return firstUntried(group, tried, from, to, group.nextTurn(count));
}

/** Turns that members of little weight may let pass. */
const TURNS_MAX = 64;

/** From the `start`-th on: at most as many steps as were tried, and one. */
function firstUntried(
  group: EndpointGroup,
  tried: readonly Endpoint[],
  from: number,
  to: number,
  start: number,
): number {
  const count = to - from;
  for (let step = 0; step < count; step += 1) {
    const slot = group.members.slots[from + ((start + step) % count)] as number;
    if (!wasTried(group.table, slot, tried)) return slot;
  }
  return NONE;
}

function wasTried(table: EndpointTable, slot: number, tried: readonly Endpoint[]): boolean {
  const endpoint = table.handles[slot];
  for (let at = 0; at < tried.length; at += 1) if (tried[at] === endpoint) return true;
  return false;
}
