/**
 * How much of what a group needs it has, from 0 to 1 (`docs/decisions/0004-capacity-that-counts.md`). pure
 *
 * It needs its established members and those lately lost to failures; where none is established, all
 * of them: so a scaled-up group stays whole, and one that comes back from nothing fills up with its
 * ramp. A member that was ejected and is back still counts as established: its return is a failback.
 */
import type { Members } from './members.ts';
import { STANDING } from './members.ts';
import { type EndpointTable, FLAG } from './table.ts';
import { TUNING } from './tuning.ts';

export class Capacity {
  /** Weight of the members that may be asked, slow starts counted in part. */
  available = 0;
  /** Weight this group should have. */
  needed = 0;
  #lost: { readonly atMs: number; readonly weight: number }[] = [];

  /** 0: nothing is left; 1: whole. */
  get health(): number {
    return this.needed <= 0 ? 0 : Math.max(0, Math.min(1, this.available / this.needed));
  }

  /** Whether something that was lost is still missed. */
  get missesSomething(): boolean {
    return this.#lost.length > 0;
  }

  /** A member left that had been ejected. */
  lose(weight: number, nowMs: number): void {
    this.#lost.push({ atMs: nowMs, weight });
  }

  /** A member that came later has grown up: it makes up for the one lost last. */
  replace(): void {
    this.#lost.pop();
  }

  /** Counts everything anew. */
  count(table: EndpointTable, members: Members, nowMs: number): void {
    if (this.#lost.length > 0) {
      this.#lost = this.#lost.filter(({ atMs }) => nowMs - atMs < TUNING.lostMs);
    }
    const lost = this.#lost.reduce((sum, { weight }) => sum + weight, 0);
    const active = members.ends[STANDING.ACTIVE] as number;
    let available = 0;
    let established = 0;
    let all = 0;
    for (let at = 0; at < members.count; at += 1) {
      const slot = members.slots[at] as number;
      const weight = table.weight[slot] as number;
      all += weight;
      if (((table.flags[slot] as number) & FLAG.EXTRA) === 0) established += weight;
      if (at < active) available += weight * (table.ramp[slot] as number);
    }
    this.available = available;
    this.needed = established > 0 ? established + lost : Math.max(all, lost);
  }
}
