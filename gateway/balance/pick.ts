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
import type { EndpointTable } from './table.ts';

/** So many are all looked at. */
const FEW = 4;

/** Nobody. */
export const NOBODY = -1;

/** Among those of `group` that may be asked; {@link NOBODY} if there is none that was not tried. */
export function pick(
  group: EndpointGroup,
  dice: Dice,
  nowMs: number,
  tried: readonly Endpoint[],
): number {
  const { ends } = group.members;
  const to = ends[group.panic ? STANDING.FAILING : STANDING.ACTIVE] as number;
  return pickOf(group, dice, nowMs, tried, 0, to);
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
  return pickOf(group, dice, nowMs, tried, from, ends[standing] as number);
}

function pickOf(
  group: EndpointGroup,
  dice: Dice,
  nowMs: number,
  tried: readonly Endpoint[],
  from: number,
  to: number,
): number {
  const { byLatency, byCost } = group;
  if (from === to) return NOBODY;
  if (byCost) return pickCheapest(group, dice, nowMs, tried, from, to, byLatency);
  return pickInTurn(group, dice, tried, from, to, group.settings.balancer.strategy === 'random');
}

function pickCheapest(
  group: EndpointGroup,
  dice: Dice,
  nowMs: number,
  tried: readonly Endpoint[],
  from: number,
  to: number,
  byLatency: boolean,
): number {
  const { table } = group;
  const { cost: costs, waiting } = table;
  const count = lookFor(group, dice, from, to);
  let best = NOBODY;
  let next = NOBODY;
  let bestCost = Number.POSITIVE_INFINITY;
  let nextCost = Number.POSITIVE_INFINITY;
  for (let look = 0; look < count; look += 1) {
    const slot = looked[look] as number;
    if (slot < 0 || slot === best || slot === next) continue;
    if (tried.length > 0 && wasTried(table, slot, tried)) continue;
    let cost = costs[slot] as number;
    if ((waiting[slot] as number) > 0 && byLatency) {
      // Written out: a fraction that leaves a function is an object.
      const { startsMs, estimateMs, inFlight, perCapacity, factor } = table;
      const ageMs = nowMs - (startsMs[slot] as number) / (waiting[slot] as number);
      if (ageMs > (estimateMs[slot] as number)) {
        const load = (inFlight[slot] as number) * (perCapacity[slot] as number) + 1;
        cost = ageMs * load * (factor[slot] as number);
      }
    }
    // Who is drawn wins over who is remembered where both cost the same.
    if (cost < bestCost) {
      next = best;
      nextCost = bestCost;
      best = slot;
      bestCost = cost;
    } else if (cost < nextCost) {
      next = slot;
      nextCost = cost;
    }
  }
  if (best === NOBODY) return to - from > FEW ? firstUntried(group, tried, from, to, 0) : NOBODY;
  group.bestCost = bestCost;
  if (tried.length === 0 && from === 0) {
    group.remembered = best;
    group.rememberedSecond = next;
  }
  return best;
}

/** Whom the pick under way looks at. */
const looked = new Int32Array(FEW);

/** Fills {@link looked}: all of a few, from any of them on, or two drawn and two remembered ones. */
function lookFor(group: EndpointGroup, dice: Dice, from: number, to: number): number {
  const { slots } = group.members;
  const count = to - from;
  if (count === 1) {
    looked[0] = slots[from] as number;
    return 1;
  }
  const draw = (dice.roll() / SIDES) * count;
  const first = Math.floor(draw);
  if (count <= FEW) {
    for (let look = 0; look < count; look += 1) {
      const at = first + look;
      looked[look] = slots[from + (at < count ? at : at - count)] as number;
    }
    return count;
  }
  // What is left of the draw is as random as the draw.
  const second = Math.floor((draw - first) * (count - 1));
  looked[0] = slots[from + first] as number;
  looked[1] = slots[from + (second < first ? second : second + 1)] as number;
  looked[2] = stillThere(group, group.remembered, from, to);
  looked[3] = stillThere(group, group.rememberedSecond, from, to);
  return FEW;
}

function stillThere(group: EndpointGroup, slot: number, from: number, to: number): number {
  if (slot < 0) return NOBODY;
  const at = group.table.place[slot] as number;
  return at >= from && at < to ? slot : NOBODY;
}

/** Round robin, or a fair draw; weights and slow starts decide whether a turn is taken. */
function pickInTurn(
  group: EndpointGroup,
  dice: Dice,
  tried: readonly Endpoint[],
  from: number,
  to: number,
  drawn: boolean,
): number {
  const { table } = group;
  const { slots } = group.members;
  const count = to - from;
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const at = drawn ? Math.floor((dice.roll() / SIDES) * count) : group.nextTurn(count);
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
  return NOBODY;
}

function wasTried(table: EndpointTable, slot: number, tried: readonly Endpoint[]): boolean {
  const endpoint = table.handles[slot];
  for (let at = 0; at < tried.length; at += 1) if (tried[at] === endpoint) return true;
  return false;
}
