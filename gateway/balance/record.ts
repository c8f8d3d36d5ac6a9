/**
 * What the end of an attempt changes of its endpoint's standing. pure
 *
 * Of an ejected endpoint only what was asked since then says anything new: a probe, or a guess when nobody
 * else was left. What was under way before is the failure that is already known.
 */
import { eject, judge } from './ejection.ts';
import { countSuccess } from './estimate.ts';
import type { EndpointGroup } from './group.ts';
import { FLAG } from './table.ts';

/** A good answer to what began at `startMs`. True when an ejected endpoint is to come back for it. */
export function recordSuccess(
  group: EndpointGroup,
  slot: number,
  startMs: number,
  nowMs: number,
): boolean {
  const { table } = group;
  table.failures[slot] = 0;
  table.answers.count(slot, false);
  const out = (table.flags[slot] as number) & (FLAG.EJECTED | FLAG.GONE);
  if (out === 0) {
    if (!countSuccess(table, slot, true)) return false;
    group.weigh(slot);
    if (group.kind === 'remote') group.place(slot, nowMs);
    return false;
  }
  return out === FLAG.EJECTED && startMs >= (table.ejectedAtMs[slot] as number);
}

/** A bad answer, or none, to what began at `startMs`. True when the endpoint was ejected by it. */
export function recordFailure(
  group: EndpointGroup,
  slot: number,
  startMs: number,
  nowMs: number,
  refused: boolean,
): boolean {
  const { table } = group;
  (table.failures[slot] as number) += 1;
  table.answers.count(slot, true);
  const flags = table.flags[slot] as number;
  if ((flags & FLAG.GONE) !== 0) return false;
  countSuccess(table, slot, false);
  group.weigh(slot);
  if ((flags & FLAG.EJECTED) !== 0) {
    if (startMs < (table.ejectedAtMs[slot] as number)) return false;
    eject(group, slot, nowMs, refused);
    return true;
  }
  if (judge(group, slot, nowMs, refused)) return true;
  group.place(slot, nowMs);
  return false;
}
