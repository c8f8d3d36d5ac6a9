/**
 * Requests that go where the picker would not send them: to learn how endpoints do that nobody has asked
 * for a while, and whether ejected ones answer well again. pure
 *
 * Bounded: half a per cent of first attempts explore, each of an endpoint without news for five seconds and
 * where nobody waits; an ejected one gets one request for each backoff. Only requests that may be
 * sent twice do it, and they are hedged soon, so that nobody waits for what is only curiosity.
 */
import { probing } from './ejection.ts';
import type { Endpoint } from './endpoint.ts';
import type { EndpointGroup } from './group.ts';
import { STANDING } from './members.ts';
import { NOBODY } from './pick.ts';
import { ROW } from './row.ts';
import { TUNING } from './tuning.ts';

/** One pick in so many looks for somebody to explore; a power of two. */
const PICKS_PER_LOOK = 8;
const PICKS_PER_EXPLORATION = 1 / TUNING.explorationShare;
const SAVED_UP_MAX = TUNING.explorationsMax * PICKS_PER_EXPLORATION;

export class Exploration {
  /** Ejected endpoints whose probe is due, the most overdue last; no slots, which may be another's by then. */
  readonly due: Endpoint[] = [];
  #localCursor = -1;
  #remoteCursor = -1;
  #picksSinceProbe = 0;
  #picks = 0;
  /** First attempts not yet used up by explorations: whole numbers, for this is done for every request. */
  #savedUp = 0;

  /** Explorations saved up. */
  get tokens(): number {
    return this.#savedUp / PICKS_PER_EXPLORATION;
  }

  /** One more first attempt. */
  earn(): void {
    if (this.#savedUp < SAVED_UP_MAX) this.#savedUp += 1;
    this.#picksSinceProbe += 1;
    this.#picks = (this.#picks + 1) & (PICKS_PER_LOOK - 1);
  }

  /** Whether anything may be explored by this pick; most picks need not look. */
  get mayLook(): boolean {
    return (this.#picks === 0 && this.#savedUp >= PICKS_PER_EXPLORATION) || this.due.length > 0;
  }

  /** Starts the list of due probes anew; a tick lets one through at once. */
  tick(): void {
    this.due.length = 0;
    this.#picksSinceProbe = TUNING.picksPerProbe;
  }

  /**
   * Whom a request explores now: an ejected endpoint whose probe is due, which counts as probed, or one without news;
   * {@link NOBODY}: nobody.
   */
  take(local: EndpointGroup, remote: EndpointGroup, nowMs: number): number {
    const slot = this.#takeDue();
    if (slot !== NOBODY) {
      const { table } = local;
      // Since the tick that found it, it may have left or come back.
      const isDue = table.standing[slot] === STANDING.FAILING;
      if (!isDue || (table.probeAtMs[slot] as number) > nowMs) return NOBODY;
      probing(local, slot, nowMs);
      return slot;
    }
    if (this.tokens < 1) return NOBODY;
    const near = this.#takeLocal(local, nowMs);
    return near === NOBODY ? this.#takeRemote(remote, local, nowMs) : near;
  }

  /** Whose probe is due and may be made by a request now. */
  #takeDue(): number {
    if (this.due.length === 0 || this.#picksSinceProbe < TUNING.picksPerProbe) return NOBODY;
    this.#picksSinceProbe = 0;
    return (this.due.pop() as Endpoint).slot;
  }

  /** Which local endpoint may be explored now: they are looked at in turn. */
  #takeLocal(group: EndpointGroup, nowMs: number): number {
    this.#localCursor += 1;
    if (this.#localCursor >= group.active) this.#localCursor = 0;
    // One alone is asked anyway.
    return group.active < 2 ? NOBODY : this.#takeIdle(group, this.#localCursor, nowMs);
  }

  /** Which cluster may be: beside `local` endpoints any that could be clearly better, without any one of two. */
  #takeRemote(remote: EndpointGroup, local: EndpointGroup, nowMs: number): number {
    const { preference, toleranceMs, remoteShareMax } = local.settings.locality;
    if (!(remoteShareMax > 0)) return NOBODY;
    this.#remoteCursor += 1;
    if (this.#remoteCursor >= remote.active) this.#remoteCursor = 0;
    const alone = local.active === 0;
    if (remote.active < (alone ? 2 : 1)) return NOBODY;
    const belowMs = alone ? Infinity : (local.typical.medianMs - toleranceMs) / preference;
    const slot = remote.members.slots[this.#remoteCursor] as number;
    if (!((remote.table.roundTripMs[slot] as number) < belowMs)) return NOBODY;
    return this.#takeIdle(remote, this.#remoteCursor, nowMs);
  }

  #takeIdle(group: EndpointGroup, at: number, nowMs: number): number {
    const slot = group.members.slots[at] as number;
    const { table } = group;
    if (table.get(slot, ROW.WAITING) !== 0) return NOBODY;
    if (nowMs - table.get(slot, ROW.OBSERVED) <= TUNING.explorationIdleMs) return NOBODY;
    this.#savedUp -= PICKS_PER_EXPLORATION;
    return slot;
  }
}
