/**
 * Who leaves the picker, and how it comes back. pure
 *
 * Ejected for bad answers: several in a row, or too few good ones of the last seconds; never more of a
 * group at once than its settings allow, for what fails everywhere is not the endpoints' fault. Ejected because
 * nothing accepts connections: at once, and without that bound, for whoever cannot be reached is
 * absent, not judged. Both return by a probe outside the picker, which a picker ordered by cost would never
 * make, and start slowly with a clean record.
 */
import { type BackoffLimits, backoffMs, meanBackoffMs } from '#core/backoff.ts';
import type { EndpointGroup } from './group.ts';
import { forgetLoad } from './load.ts';
import { ROW } from './row.ts';
import { FLAG } from './table.ts';

const EJECTIONS_MAX = 30;

/** Judges `slot` after a failure; true when it was ejected. */
export function judge(
  group: EndpointGroup,
  slot: number,
  nowMs: number,
  refused: boolean,
): boolean {
  if (!refused && !(isFailing(group, slot) && mayEject(group))) return false;
  eject(group, slot, nowMs, refused);
  return true;
}

/** Takes `slot` out until a probe succeeds, or longer if it is out already. */
export function eject(group: EndpointGroup, slot: number, nowMs: number, refused: boolean): void {
  const { table } = group;
  const flags = (table.flags[slot] as number) & ~FLAG.REFUSED;
  table.flags[slot] = flags | FLAG.EJECTED | (refused ? FLAG.REFUSED : 0);
  table.ejections[slot] = Math.min(EJECTIONS_MAX, (table.ejections[slot] as number) + 1);
  table.ejectedAtMs[slot] = nowMs;
  table.probeAtMs[slot] = nowMs + waitMs(group, slot);
  group.place(slot, nowMs);
}

/** A probe of `slot` was begun; the next one is due after as long, should nothing come of it. */
export function probing(group: EndpointGroup, slot: number, nowMs: number): void {
  const { table } = group;
  table.probeAtMs[slot] = nowMs + waitMs(group, slot);
  (table.probes[slot] as number) += 1;
}

/** `slot` has proved itself, or is to prove itself: back, slowly, with a clean record. */
export function revive(
  group: EndpointGroup,
  slot: number,
  nowMs: number,
  estimateMs: number,
): void {
  const { table } = group;
  const flags = (table.flags[slot] as number) & ~(FLAG.EJECTED | FLAG.REFUSED);
  table.flags[slot] = flags | FLAG.UNSEEN;
  table.forgive(slot);
  forgetLoad(table, slot);
  if (!Number.isNaN(estimateMs)) table.set(slot, ROW.ESTIMATE, estimateMs);
  table.set(slot, ROW.OBSERVED, nowMs);
  group.startSlowly(slot, nowMs);
  group.place(slot, nowMs);
}

function isFailing(group: EndpointGroup, slot: number): boolean {
  const { consecutiveFailures, samplesMin, successBelow } = group.ejection;
  const { table } = group;
  if (consecutiveFailures > 0 && table.get(slot, ROW.FAILURES) >= consecutiveFailures) return true;
  const total = table.get(slot, ROW.ANSWERS) + (table.answersBefore[slot] as number);
  const bad = table.get(slot, ROW.BAD) + (table.badBefore[slot] as number);
  return total >= samplesMin && total - bad < successBelow * total;
}

function mayEject(group: EndpointGroup): boolean {
  const { members, ejection } = group;
  const allowed = Math.max(1, Math.floor(ejection.ejectedShareMax * members.alive));
  return members.ejected < allowed;
}

/** How long `slot`, which is ejected, is left alone as a rule before a probe, and again before the next. */
export function usualWaitMs(group: EndpointGroup, slot: number): number {
  return meanBackoffMs(limitsOf(group), group.table.ejections[slot] as number);
}

function waitMs(group: EndpointGroup, slot: number): number {
  return backoffMs(limitsOf(group), group.table.ejections[slot] as number, group.random);
}

function limitsOf({ ejection }: EndpointGroup): BackoffLimits {
  return { firstMs: ejection.backoffMs, maxMs: ejection.backoffMaxMs };
}
