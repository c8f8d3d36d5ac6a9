/**
 * Local or remote: which of two groups a request goes to, each with its best endpoint. pure
 *
 * Local stays unless remote is clearly better; the local share shrinks with the available local weight, so
 * that an outage spills in proportion and a recovery fills up slowly. A failure speaks against all of its
 * cluster, so a later attempt goes to the other one.
 */
import { type Dice, SIDES } from './dice.ts';
import type { Endpoint } from './endpoint.ts';
import { costMs, stalls } from './estimate.ts';
import type { EndpointGroup } from './group.ts';
import { ROW, ROW_SIZE } from './row.ts';
import { Spill } from './spill.ts';
import { TUNING } from './tuning.ts';

const SIZE = ROW_SIZE;
const { ESTIMATE, SHARE } = ROW;

export class Locality {
  /** Share of requests the local group may take at most. */
  share = 0;
  readonly #local: EndpointGroup;
  readonly #remote: EndpointGroup;
  readonly #dice: Dice;
  readonly #spill = new Spill();
  /** The least that makes a cluster clearly better. */
  #leastMs = 0;
  /** What the local group takes when it does well; forgotten slowly while it does worse. */
  #baselineMs = Number.NaN;

  constructor(local: EndpointGroup, remote: EndpointGroup, dice: Dice) {
    this.#local = local;
    this.#remote = remote;
    this.#dice = dice;
  }

  /** Whether local capacity is short, or what could stay leaves all the same. */
  get spilling(): boolean {
    return this.#local.filled && (this.share < 1 || this.#spill.share > TUNING.spillingAbove);
  }

  /**
   * Whether a first attempt stays at `near`, which was just picked, whatever waits at a cluster: none costs less
   * than it takes when nothing waits there. As of the last tick, so that most picks need not look at clusters.
   */
  stays(near: number): boolean {
    if (this.share < 1 || !this.#local.byLatency) return false;
    const ours = this.#local.bestCost * (this.#local.table.rows[near * SIZE + SHARE] as number);
    if (ours > this.#leastMs) return false;
    this.#spill.earn(this.#local.settings.locality.remoteShareMax);
    this.#spill.stay();
    return true;
  }

  /** Whether a request goes to `far` though `near` is available; `tried` as for a pick. */
  leaves(near: number, far: number, nowMs: number, tried: readonly Endpoint[]): boolean {
    const first = tried.length === 0;
    if (first) this.#spill.earn(this.#local.settings.locality.remoteShareMax);
    const next = first
      ? this.#isBetter(near, far, nowMs)
      : (tried[tried.length - 1] as Endpoint).kind === 'local';
    const leaves = next && this.#mayLeave;
    if (leaves) this.#spill.leave(first);
    else if (first) this.#spill.stay();
    return leaves;
  }

  /** The same of a second attempt beside a slow one, which says nothing against its cluster. */
  leavesBeside(near: number, far: number, nowMs: number): boolean {
    if (!this.#mayLeave || !this.#isBetter(near, far, nowMs)) return false;
    this.#spill.leave(false);
    return true;
  }

  /**
   * Whether a second attempt may go to a cluster because no other local endpoint is left to ask: within the share that
   * may leave, for as long as any is available.
   */
  mayAskBeside(): boolean {
    if (this.#local.active === 0) return true;
    if (!this.#mayLeave) return false;
    this.#spill.leave(false);
    return true;
  }

  /** How much local takes, and whether ejection is to be ignored because too little is left. */
  judge(): void {
    const [local, remote] = [this.#local, this.#remote];
    this.share = Math.min(1, TUNING.overprovision * local.capacity.health);
    const remoteShare = Math.min(1, TUNING.overprovision * remote.capacity.health);
    const { preference, toleranceMs } = local.settings.locality;
    let leastMs = Number.POSITIVE_INFINITY;
    for (let at = 0; at < remote.active; at += 1)
      leastMs = Math.min(leastMs, local.table.get(remote.members.slots[at] as number, ESTIMATE));
    this.#leastMs = preference * leastMs + toleranceMs;
    const isShort = this.share + remoteShare < 1;
    local.panic = isShort && local.mostlyEjected;
    remote.panic = isShort && remote.mostlyEjected;
  }

  tick(elapsedMs: number): void {
    const { medianMs: typicalMs } = this.#local.typical;
    const share = 1 - Math.exp(-elapsedMs / TUNING.baselineTauMs);
    if (typicalMs > this.#baselineMs) this.#baselineMs += share * (typicalMs - this.#baselineMs);
    else if (!Number.isNaN(typicalMs)) this.#baselineMs = typicalMs;
    this.#spill.tick(elapsedMs);
  }

  /**
   * What a cluster takes that was not asked lately: what this one takes when it does well, and the way there.
   * Not what it takes now: while local is slow, the others must not be taken to be slow as well.
   */
  guessMs(slot: number): number {
    const roundTripMs = this.#remote.table.roundTripMs[slot] as number;
    return Number.isNaN(this.#baselineMs) ? roundTripMs : roundTripMs + this.#baselineMs;
  }

  get #mayLeave(): boolean {
    const { remoteShareMax } = this.#local.settings.locality;
    return remoteShareMax >= 1 || (remoteShareMax > 0 && this.#spill.allowed);
  }

  #isBetter(near: number, far: number, nowMs: number): boolean {
    const { share } = this;
    const [local, remote] = [this.#local, this.#remote];
    // What is too much for local leaves, but not for where nothing has been answered for a while.
    if (share < 1 && this.#dice.roll() >= share * SIDES && !stalls(remote.table, far, nowMs))
      return true;
    const { preference, toleranceMs } = local.settings.locality;
    if (local.byLatency) {
      // Both were just looked at; their slow starts are in the share already.
      const { rows } = local.table;
      const ours = local.bestCost * (rows[near * SIZE + SHARE] as number);
      const theirs = remote.bestCost * (rows[far * SIZE + SHARE] as number);
      return ours > preference * theirs + toleranceMs;
    }
    const theirs = preference * costMs(remote.table, far, nowMs) + toleranceMs;
    return costMs(local.table, near, nowMs) > theirs;
  }
}
