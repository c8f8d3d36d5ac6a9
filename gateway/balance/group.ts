/**
 * A set of endpoints that may stand in for each other: the local pods of a port, or the remote
 * clusters that serve it. pure
 *
 * Promises: members that stay keep what is known of them; which of them may be asked is known before
 * anybody asks; a tick costs one pass over the members, everything else does not depend on their number.
 */
import type { Random } from '#core/random.ts';
import {
  type EjectionSettings,
  TRAFFIC_DEFAULTS,
  type TrafficSettings,
} from '../snapshot/traffic.ts';
import type { Candidate } from './candidates.ts';
import { Capacity } from './capacity.ts';
import type { Endpoint, EndpointKind } from './endpoint.ts';
import { drift } from './estimate.ts';
import { learnLoad } from './load.ts';
import { Members, STANDING } from './members.ts';
import { ROW } from './row.ts';
import { type EndpointTable, FLAG } from './table.ts';
import { TUNING } from './tuning.ts';
import { readTypical, type Typical } from './typical.ts';

const NONE: number[] = [];

export class EndpointGroup {
  readonly kind: EndpointKind;
  readonly table: EndpointTable;
  readonly random: Random;
  readonly members: Members;
  readonly capacity = new Capacity();
  settings: TrafficSettings = TRAFFIC_DEFAULTS;
  /** The strategy, in two bits: whether latency counts, and whether anybody is looked at at all. */
  byLatency = true;
  byCost = true;
  readonly typical: Typical = { medianMs: Number.NaN, bestMs: Number.NaN };
  /** Whether ejection for bad answers is ignored, for too little is left. */
  panic = false;
  /** The cheapest and the second of the last pick, candidates of the next one. */
  remembered = -1;
  rememberedSecond = -1;
  /** What the last pick's endpoint costs. */
  bestCost = Number.POSITIVE_INFINITY;
  /** Whether a tick has anything to do though nobody asks. */
  unsettled = false;
  #turn = -1;
  /** The largest share any member takes, by weight and slow start; as of the last tick. */
  #shareMax = 1;
  readonly #slots = new Map<string, number>();
  /** Whether it ever had a member. */
  filled = false;
  /** Whether anybody has said who its members are. */
  #told = false;
  /** Whether who joins now starts slowly. */
  #joinsSlowly = false;

  constructor(kind: EndpointKind, table: EndpointTable, random: Random) {
    this.kind = kind;
    this.table = table;
    this.random = random;
    this.members = new Members(table);
  }

  get ejection(): EjectionSettings {
    return this.settings.ejection;
  }

  /** Whether most members are ejected. */
  get mostlyEjected(): boolean {
    const { members } = this;
    return members.ejected > (1 - TUNING.panicBelow) * members.alive;
  }

  /** Changes what a TrafficPolicy says. */
  configure(settings: TrafficSettings): void {
    this.settings = settings;
    const { strategy } = settings.balancer;
    this.byLatency = strategy === 'ewma';
    this.byCost = this.byLatency || strategy === 'leastRequest';
    const { members } = this;
    for (let at = 0; at < members.count; at += 1) this.weigh(members.slots[at] as number);
  }

  /** Ejected members whose probe is due. */
  dueAt(nowMs: number): number[] {
    if (this.members.ejected === 0) return NONE;
    const { probeAtMs, flags } = this.table;
    const due: number[] = [];
    for (const slot of this.members.slots.subarray(0, this.members.alive)) {
      const isEjected = ((flags[slot] as number) & FLAG.EJECTED) !== 0;
      if (isEjected && (probeAtMs[slot] as number) <= nowMs) due.push(slot);
    }
    return due;
  }

  /** How many may be asked without further thought. */
  get active(): number {
    return this.members.ends[STANDING.ACTIVE] as number;
  }

  endpointOf(slot: number): Endpoint {
    return this.table.handles[slot] as Endpoint;
  }

  find(key: string): Endpoint | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.endpointOf(slot);
  }

  /**
   * Makes the members exactly `wanted`. Those present when a group is first seen start at full weight, later ones
   * slowly: a process that starts must not send its traffic away, and a cluster that comes back must not be flooded.
   * The first members of a group that was seen empty start slowly if it is `served` by the other group meanwhile; else
   * they are all there is.
   */
  setMembers(wanted: readonly Candidate[], nowMs: number, served: boolean): void {
    const { table, members } = this;
    this.#joinsSlowly = this.filled || (this.#told && served);
    this.#told = true;
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, slot] of this.#slots) if (!keys.has(key)) this.#leave(key, slot, nowMs);
    for (const { key, weight } of wanted) {
      const slot = this.#slots.get(key) ?? this.#join(key, nowMs);
      this.#setWeight(slot, weight, nowMs);
    }
    if (wanted.length > 0) this.filled = true;
    this.capacity.count(table, members, nowMs);
    this.unsettled = true;
  }

  /** Puts `slot` where its facts say it stands at `nowMs`. */
  place(slot: number, nowMs: number): void {
    const { table } = this;
    const before = table.standing[slot] as number;
    const standing = this.#standingOf(slot, nowMs);
    if (standing === before) return;
    const weight = (table.weight[slot] as number) * (table.ramp[slot] as number);
    if (before === STANDING.ACTIVE) this.capacity.available -= weight;
    if (standing === STANDING.ACTIVE) this.capacity.available += weight;
    else this.#forget(slot);
    this.members.move(slot, standing);
    this.unsettled = true;
  }

  /** Makes `slot`'s factor of costs anew, of its weight, its ramp and its success rate, and its cost. */
  weigh(slot: number): void {
    const { table } = this;
    const weight = this.kind === 'local' ? (table.weight[slot] as number) : 1;
    const share = weight * (table.ramp[slot] as number);
    table.set(slot, ROW.SHARE, share);
    // Only the default strategy avoids who fails; the others leave that to ejection.
    const success = this.byLatency
      ? Math.max(TUNING.successFloor, table.get(slot, ROW.SUCCESS))
      : 1;
    table.set(slot, ROW.FACTOR, 1 / (share * success * success));
    table.price(slot, this.byLatency);
  }

  /** Starts `slot` slowly, from a tenth of its weight. */
  startSlowly(slot: number, nowMs: number): void {
    const { table } = this;
    const slow = this.settings.balancer.slowStartMs > 0;
    table.rampFromMs[slot] = nowMs;
    table.ramp[slot] = slow ? TUNING.rampStart : 1;
    (table.flags[slot] as number) |= FLAG.RAMPING;
    this.unsettled = true;
    this.weigh(slot);
  }

  /**
   * `elapsedMs` have passed: ramps grow, penalties end, idle endpoints are taken to be like `typicalOf`
   * says of them.
   */
  tick(nowMs: number, elapsedMs: number, typicalOf: (slot: number) => number): void {
    const { table, members } = this;
    const share = 1 - Math.exp(-elapsedMs / TUNING.driftTauMs);
    let factorMin = Number.POSITIVE_INFINITY;
    let ramping = 0;
    const isLearning = this.kind === 'local' && this.byLatency;
    for (let at = members.count - 1; at >= 0; at -= 1) {
      const slot = members.slots[at] as number;
      if (((table.flags[slot] as number) & FLAG.RAMPING) !== 0) this.#grow(slot, nowMs);
      // What stays open there, a connection of a pool or a watch, brings no news of how fast it answers.
      const isIdle = table.get(slot, ROW.WAITING) === 0;
      if (isIdle && nowMs - table.get(slot, ROW.OBSERVED) > elapsedMs)
        drift(table, slot, typicalOf(slot), share);
      if (isLearning) learnLoad(table, slot);
      this.weigh(slot);
      this.place(slot, nowMs);
      ramping |= (table.flags[slot] as number) & FLAG.RAMPING;
      factorMin = Math.min(factorMin, table.get(slot, ROW.FACTOR));
    }
    this.#shareMax = 1 / factorMin;
    this.capacity.count(table, members, nowMs);
    const { missesSomething } = this.capacity;
    this.unsettled = missesSomething || ramping !== 0 || this.active < members.alive;
  }

  /** Reads what is typical of the members. */
  readTypical(): void {
    readTypical(this.table, this.members, this.typical);
  }

  /** Whose turn it is, of `count` members. */
  nextTurn(count: number): number {
    this.#turn += 1;
    if (this.#turn >= count) this.#turn = 0;
    return this.#turn;
  }

  /** Whether `slot` takes its turn: in the long run as often as its share is of the largest one. */
  takesTurn(slot: number): boolean {
    const { credit } = this.table;
    const share = Math.min(1, this.table.get(slot, ROW.SHARE) / this.#shareMax);
    const saved = (credit[slot] as number) + share;
    // A sum of shares that should be 1 may be a little less.
    const takes = saved > 0.999_999;
    credit[slot] = takes ? saved - 1 : saved;
    return takes;
  }

  #join(key: string, nowMs: number): number {
    const { table } = this;
    const { slot } = table.add(key, this.kind, nowMs);
    this.#slots.set(key, slot);
    this.members.add(slot);
    if (!Number.isNaN(this.typical.bestMs)) table.set(slot, ROW.ESTIMATE, this.typical.bestMs);
    if (!this.#joinsSlowly) return slot;
    (table.flags[slot] as number) |= FLAG.EXTRA;
    this.startSlowly(slot, nowMs);
    return slot;
  }

  #leave(key: string, slot: number, nowMs: number): void {
    const { table } = this;
    const why = (table.flags[slot] as number) & (FLAG.EJECTED | FLAG.EXTRA);
    if (why === FLAG.EJECTED) this.capacity.lose(table.weight[slot] as number, nowMs);
    this.#forget(slot);
    this.#slots.delete(key);
    this.members.remove(slot);
    table.remove(slot);
  }

  /** Only who may be asked is remembered. */
  #forget(slot: number): void {
    if (this.remembered === slot) this.remembered = -1;
    if (this.rememberedSecond === slot) this.rememberedSecond = -1;
  }

  #setWeight(slot: number, weight: number, nowMs: number): void {
    const { table } = this;
    const isBack = this.kind === 'remote' && table.weight[slot] === 0 && weight > 0;
    table.weight[slot] = weight;
    if (this.kind === 'remote') table.set(slot, ROW.PER_CAPACITY, 1 / Math.max(1, weight));
    if (isBack) this.#comeBack(slot, nowMs);
    this.weigh(slot);
    this.place(slot, nowMs);
  }

  /** A cluster can be reached again: what was held against it is what broke the tunnel. */
  #comeBack(slot: number, nowMs: number): void {
    const { table } = this;
    (table.flags[slot] as number) &= ~(FLAG.EJECTED | FLAG.REFUSED);
    (table.flags[slot] as number) |= FLAG.UNSEEN;
    table.forgive(slot);
    this.startSlowly(slot, nowMs);
  }

  #grow(slot: number, nowMs: number): void {
    const { table } = this;
    const { slowStartMs } = this.settings.balancer;
    const passed = slowStartMs > 0 ? (nowMs - (table.rampFromMs[slot] as number)) / slowStartMs : 1;
    const ramp = TUNING.rampStart + (1 - TUNING.rampStart) * Math.max(0, passed);
    table.ramp[slot] = Math.min(1, ramp);
    const flags = table.flags[slot] as number;
    if (ramp < 1 || (flags & FLAG.EJECTED) !== 0) return;
    if ((flags & FLAG.EXTRA) !== 0) this.capacity.replace();
    table.flags[slot] = flags & ~(FLAG.RAMPING | FLAG.EXTRA);
    // Sound for this long, it starts with a clean record.
    table.ejections[slot] = 0;
  }

  #standingOf(slot: number, nowMs: number): number {
    const { table } = this;
    const flags = table.flags[slot] as number;
    if ((table.weight[slot] as number) <= 0) return STANDING.OUT;
    if ((flags & FLAG.EJECTED) !== 0)
      return (flags & FLAG.REFUSED) !== 0 ? STANDING.UNREACHABLE : STANDING.FAILING;
    if ((table.penalisedUntilMs[slot] as number) > nowMs) return STANDING.PENALISED;
    if (this.kind === 'local') return STANDING.ACTIVE;
    const isSound = table.get(slot, ROW.SUCCESS) >= TUNING.remoteSuccessMin;
    return isSound && (flags & FLAG.SPILLING) === 0 ? STANDING.ACTIVE : STANDING.RELUCTANT;
  }
}
