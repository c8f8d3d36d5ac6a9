/**
 * Local or remote: which of two groups a request goes to, each with its best endpoint. pure
 *
 * Local stays unless remote is clearly better; the local share shrinks with the available local weight, so
 * that an outage spills in proportion and a recovery fills up slowly. A failure speaks against all of its
 * cluster, so a later attempt goes to the other one; one that is merely slow, and hedged, does not.
 */
import type { LocalitySettings } from '../snapshot/traffic.ts';
import { type Dice, SIDES } from './dice.ts';
import type { Endpoint } from './endpoint.ts';
import { costMs } from './estimate.ts';
import type { EndpointGroup } from './group.ts';
import { Spill } from './spill.ts';
import { TUNING } from './tuning.ts';

export class Locality {
  /** Share of requests the local group may take at most. */
  share = 0;
  readonly #local: EndpointGroup;
  readonly #remote: EndpointGroup;
  readonly #dice: Dice;
  readonly #spill = new Spill();
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

  /** Whether the request goes to `far` though `near` is available; `tried` as for a pick. */
  leaves(near: number, far: number, nowMs: number, tried: readonly Endpoint[]): boolean {
    const { locality } = this.#local.settings;
    const first = tried.length === 0;
    if (first) this.#spill.earn(locality.remoteShareMax);
    const leaves =
      (locality.remoteShareMax >= 1 || this.#spill.allowed) &&
      (first
        ? this.#isBetter(near, far, nowMs, locality)
        : this.#isNext(near, far, nowMs, tried, locality));
    if (leaves) this.#spill.leave(first);
    else if (first) this.#spill.stay();
    return leaves;
  }

  /** How much local takes, and whether ejection is to be ignored because too little is left. */
  judge(): void {
    const [local, remote] = [this.#local, this.#remote];
    this.share = Math.min(1, TUNING.overprovision * local.capacity.health);
    const remoteShare = Math.min(1, TUNING.overprovision * remote.capacity.health);
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

  #isBetter(near: number, far: number, nowMs: number, locality: LocalitySettings): boolean {
    const { share } = this;
    if (share < 1 && this.#dice.roll() >= share * SIDES) return true;
    const [local, remote] = [this.#local, this.#remote];
    const { preference, toleranceMs } = locality;
    if (local.byLatency) {
      // Both were just looked at; their slow starts are in the share already.
      const { table } = local;
      const ours = local.bestCost * (table.weight[near] as number) * (table.ramp[near] as number);
      return ours > preference * remote.bestCost * (table.ramp[far] as number) + toleranceMs;
    }
    const theirs = preference * costMs(remote.table, far, nowMs) + toleranceMs;
    return costMs(local.table, near, nowMs) > theirs;
  }

  #isNext(
    near: number,
    far: number,
    nowMs: number,
    tried: readonly Endpoint[],
    locality: LocalitySettings,
  ): boolean {
    const { kind, slot } = tried[tried.length - 1] as Endpoint;
    const failed = slot < 0 || (this.#local.table.failures[slot] as number) > 0;
    return failed ? kind === 'local' : this.#isBetter(near, far, nowMs, locality);
  }
}
