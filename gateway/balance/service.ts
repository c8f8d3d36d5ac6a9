/**
 * Where the next request for one service goes: a local endpoint or a remote cluster. pure
 *
 * Two levels: within a group the cheapest of a few candidates (`pick.ts`), then one of the two groups
 * (`locality.ts`). Before both: what is only curiosity (`exploration.ts`).
 *
 * Promises: a pick allocates nothing and takes constant time; every attempt told by `begin` and `end` is
 * counted exactly once; while anything may be asked, something is.
 */
import type { Random } from '#core/random.ts';
import type { TrafficSettings } from '../snapshot/traffic.ts';
import type { Candidate, RemoteCandidate } from './candidates.ts';
import { setClusters } from './clusters.ts';
import { Dice } from './dice.ts';
import { revive } from './ejection.ts';
import type { Endpoint, Outcome } from './endpoint.ts';
import { isSilent, observe, raise } from './estimate.ts';
import { Exploration } from './exploration.ts';
import { FirstBytes } from './first-bytes.ts';
import { EndpointGroup } from './group.ts';
import { lastResort } from './last-resort.ts';
import { observeLoad, shrinkIfSilent } from './load.ts';
import { Locality } from './locality.ts';
import { NOBODY, pick } from './pick.ts';
import { Probing } from './probing.ts';
import { recordFailure, recordSuccess } from './record.ts';
import { ROW, ROW_SIZE } from './row.ts';
import { type EndpointTable, FLAG } from './table.ts';
import { TUNING } from './tuning.ts';

const SIZE = ROW_SIZE;
const { COST, COST_EACH, DISCOUNT, FAMILIAR, IN_FLIGHT, STARTS, WAITING } = ROW;
const { GONE } = FLAG;
const UNKNOWN_LOAD = -1;

export class ServiceBalancer {
  /** `namespace/name` of the exported Service. */
  readonly name: string;
  readonly local: EndpointGroup;
  readonly remote: EndpointGroup;
  readonly exploration = new Exploration();
  readonly #table: EndpointTable;
  readonly #dice: Dice;
  readonly #locality: Locality;
  readonly #firstBytes = new FirstBytes();
  readonly #probing: Probing;
  readonly #typicalLocal: (slot: number) => number;
  readonly #typicalRemote: (slot: number) => number;
  #settings: TrafficSettings;
  #closed = false;
  #explored = false;
  #tickedAtMs = Number.NaN;
  /** Whether anybody asked since the last tick, and when somebody last had. */
  #picked = false;
  #pickedAtMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, table: EndpointTable, random: Random, settings: TrafficSettings) {
    this.name = name;
    this.#table = table;
    this.#dice = new Dice(random);
    this.local = new EndpointGroup('local', table, random);
    this.remote = new EndpointGroup('remote', table, random);
    this.#locality = new Locality(this.local, this.remote, this.#dice);
    this.#typicalLocal = (slot) => this.#guessLocalMs(slot);
    this.#typicalRemote = (slot) => this.#locality.guessMs(slot);
    this.#probing = new Probing(this.local, this.#typicalLocal);
    this.#settings = settings;
    this.configure(settings);
  }

  get settings(): TrafficSettings {
    return this.#settings;
  }

  /** No snapshot names it any more: whoever holds it looks it up again. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether the last pick was an exploration, which is to be hedged after {@link explorationHedgeMs}. */
  get explored(): boolean {
    return this.#explored;
  }

  get explorationHedgeMs(): number {
    const { hedgeDelayMs } = this.#firstBytes;
    const { explorationHedgeMs } = TUNING;
    return Number.isNaN(hedgeDelayMs)
      ? explorationHedgeMs
      : Math.min(explorationHedgeMs, hedgeDelayMs);
  }

  /** When a second attempt is worth it beside a slow first one (`first-bytes.ts`); NaN while unknown. */
  get hedgeDelayMs(): number {
    return this.#firstBytes.hedgeDelayMs;
  }

  /** Whether there is anybody beside the first to be asked: else a hedge need not even be waited for. */
  get hasChoice(): boolean {
    return this.local.active + this.remote.active > 1;
  }

  /** Whether local capacity is short, so that requests go elsewhere: nobody is to spill onto this cluster. */
  get spilling(): boolean {
    return this.#locality.spilling;
  }

  /** Changes what a TrafficPolicy says. */
  configure(settings: TrafficSettings): void {
    this.#settings = settings;
    this.local.configure(settings);
    this.remote.configure(settings);
  }

  /** Takes over the members; what is known of those that stay is kept. */
  update(local: readonly Candidate[], remote: readonly RemoteCandidate[], nowMs: number): void {
    this.updateLocal(local, nowMs);
    this.updateRemote(remote, nowMs);
  }

  /** The same of the local endpoints alone. */
  updateLocal(local: readonly Candidate[], nowMs: number): void {
    this.local.setMembers(local, nowMs, this.remote.active > 0);
    this.#locality.judge();
  }

  /** The same of the clusters alone. */
  updateRemote(clusters: readonly RemoteCandidate[], nowMs: number): void {
    const { local, remote } = this;
    setClusters(remote, clusters, this.#typicalRemote, nowMs, local.active > 0);
    this.#locality.judge();
  }

  /** Nothing more is picked; what is under way may end. */
  close(nowMs: number): void {
    this.update([], [], nowMs);
    this.#closed = true;
  }

  /**
   * The next attempt's endpoint. `tried`: those of earlier attempts of this request; `mayExplore`: it is a
   * first attempt that may be hedged. `undefined`: nothing is left.
   */
  pick(nowMs: number, tried: readonly Endpoint[], mayExplore: boolean): Endpoint | undefined {
    const { local, remote, exploration } = this;
    const dice = this.#dice;
    const first = tried.length === 0;
    this.#explored = false;
    if (first) {
      this.#picked = true;
      exploration.earn();
      const curious =
        mayExplore && exploration.mayLook ? exploration.take(local, remote, nowMs) : NOBODY;
      if (curious >= 0) {
        this.#explored = true;
        return local.table.handles[curious];
      }
    }
    const near = pick(local, dice, nowMs, tried);
    if (first && near >= 0 && this.#locality.stays(near)) return local.table.handles[near];
    const far = remote.members.count === 0 ? -1 : pick(remote, dice, nowMs, tried);
    let slot = near < 0 ? far : near;
    if (slot < 0) slot = lastResort(local, remote, dice, nowMs, tried);
    else if (near >= 0 && far >= 0 && this.#locality.leaves(near, far, nowMs, tried)) slot = far;
    return slot < 0 ? undefined : local.table.handles[slot];
  }

  /**
   * Whom to ask beside those of `tried`, the last of which has not answered for `waitedMs`: another of this cluster,
   * unless a remote one is clearly better now, or, where there is none, a cluster that would most likely have answered
   * by now. After two, as after a failure, the other cluster.
   */
  pickBeside(nowMs: number, tried: readonly Endpoint[], waitedMs: number): Endpoint | undefined {
    const { local, remote } = this;
    const near = pick(local, this.#dice, nowMs, tried);
    const far = remote.members.count === 0 ? NOBODY : pick(remote, this.#dice, nowMs, tried);
    if (far === NOBODY) return near === NOBODY ? undefined : local.endpointOf(near);
    if (near === NOBODY) {
      const isTimely = this.#table.get(far, ROW.ESTIMATE) <= waitedMs;
      return isTimely && this.#locality.mayAskBeside() ? remote.endpointOf(far) : undefined;
    }
    const leaves =
      tried.length === 1
        ? this.#locality.leavesBeside(near, far, nowMs)
        : this.#locality.leaves(near, far, nowMs, tried);
    return local.endpointOf(leaves ? far : near);
  }

  /**
   * Whether `endpoint` has answered nobody since `sinceMs` and what waits there waits much longer than it should; also
   * where it has left.
   */
  isSilent({ slot }: Endpoint, sinceMs: number, nowMs: number): boolean {
    return slot < 0 || isSilent(this.#table, slot, sinceMs, nowMs);
  }

  /**
   * An attempt at `endpoint` begins; must be matched by exactly one {@link end} with the same `startMs`. Returns how
   * many waited there before.
   */
  begin(endpoint: Endpoint, startMs: number): number {
    const { slot } = endpoint;
    if (slot < 0) return 0;
    const { rows } = this.#table;
    const at = slot * SIZE;
    const load = rows[at + WAITING] as number;
    rows[at + WAITING] = load + 1;
    (rows[at + IN_FLIGHT] as number) += 1;
    (rows[at + STARTS] as number) += startMs;
    const costEach = rows[at + COST_EACH] as number;
    const isFamiliar = this.local.byLatency && load < (rows[at + FAMILIAR] as number);
    (rows[at + COST] as number) += isFamiliar
      ? costEach - costEach * (rows[at + DISCOUNT] as number)
      : costEach;
    return load | 0;
  }

  /**
   * The head of its answer came after `latencyMs` and content follows: the attempt is open but waits no more. `load`:
   * what {@link begin} returned.
   */
  answered(
    endpoint: Endpoint,
    startMs: number,
    nowMs: number,
    latencyMs: number,
    load = UNKNOWN_LOAD,
  ): void {
    const { slot } = endpoint;
    if (slot < 0) return;
    this.#waitsNoMore(slot, startMs);
    this.#observe(endpoint, nowMs, latencyMs, load);
    this.#table.price(slot, this.local.byLatency);
  }

  /**
   * An attempt ended: exactly once for each {@link begin}. `answered`: whether {@link answered} was called;
   * `latencyMs`: the time to its first byte, NaN if there was none; `load`: what {@link begin} returned.
   */
  end(
    endpoint: Endpoint,
    startMs: number,
    nowMs: number,
    outcome: Outcome,
    latencyMs: number,
    answered: boolean,
    load = UNKNOWN_LOAD,
  ): void {
    const { slot } = endpoint;
    if (slot < 0) return;
    const table = this.#table;
    (table.rows[slot * SIZE + IN_FLIGHT] as number) -= 1;
    if (!answered) this.#waitsNoMore(slot, startMs);
    const waitedMs = answered ? Number.NaN : nowMs - startMs;
    if (outcome === 'success') {
      if (!answered) this.#observe(endpoint, nowMs, latencyMs, load);
      const group = this.#groupOf(endpoint);
      if (recordSuccess(group, slot, startMs, nowMs)) {
        const guess = group === this.local ? this.#typicalLocal : this.#typicalRemote;
        revive(group, slot, nowMs, guess(slot));
        this.#locality.judge();
      }
    } else if (outcome === 'failure' || outcome === 'refused') {
      // Of a cluster, one pod did; its gateway leaves that pod out.
      const refused = outcome === 'refused' && endpoint.kind === 'local';
      if (!refused) raise(table, slot, waitedMs);
      if (recordFailure(this.#groupOf(endpoint), slot, startMs, nowMs, refused))
        this.#locality.judge();
    } else if (!answered) {
      if (outcome === 'superseded') {
        shrinkIfSilent(table, slot, startMs, waitedMs);
        this.#firstBytes.record(waitedMs);
      }
      raise(table, slot, waitedMs);
    }
    table.price(slot, this.local.byLatency);
    if (((table.flags[slot] as number) & GONE) !== 0) table.freeIfDone(slot);
  }

  /** Whether the group of `endpoint` can do without one more: most of it must be left to be asked. */
  sparesAnother(endpoint: Endpoint): boolean {
    const { active, members } = this.#groupOf(endpoint);
    return 2 * (active - 1) > members.alive;
  }

  /** 429 or 503 with Retry-After: not asked before `untilMs` if others are available. */
  penalise(endpoint: Endpoint, untilMs: number): void {
    const { slot } = endpoint;
    if (slot === NOBODY || ((this.#table.flags[slot] as number) & FLAG.GONE) !== 0) return;
    this.#table.penalisedUntilMs[slot] = untilMs;
    this.#groupOf(endpoint).place(slot, Number.NEGATIVE_INFINITY);
    this.#locality.judge();
  }

  /** Share of requests the local group may take at most, 0 to 1; as of the last tick or ejection. */
  localShare(_nowMs: number): number {
    return this.#locality.share;
  }

  /** Every {@link TUNING.tickMs}: ramps, penalties, drift, probes that are due. */
  tick(nowMs: number): void {
    const { local, remote } = this;
    if (this.#picked) this.#pickedAtMs = nowMs;
    this.#picked = false;
    const isAsleep = nowMs - this.#pickedAtMs > TUNING.asleepAfterMs;
    if (isAsleep && !local.unsettled && !remote.unsettled) return;
    const sinceMs = nowMs - this.#tickedAtMs;
    const elapsedMs = sinceMs > 0 ? Math.min(sinceMs, TUNING.asleepAfterMs) : TUNING.tickMs;
    this.#tickedAtMs = nowMs;
    local.table.turn(nowMs);
    local.readTypical();
    remote.readTypical();
    this.#locality.tick(elapsedMs);
    local.tick(nowMs, elapsedMs, this.#typicalLocal);
    remote.tick(nowMs, elapsedMs, this.#typicalRemote);
    this.#firstBytes.tick(nowMs);
    this.#probing.tick(nowMs, this.exploration);
    for (const slot of remote.dueAt(nowMs))
      revive(remote, slot, nowMs, this.#locality.guessMs(slot));
    this.#locality.judge();
  }

  /** A local endpoint that is to be probed outside the picker; once each. */
  takeProbe(nowMs: number): Endpoint | undefined {
    return this.#probing.take(nowMs);
  }

  /** See {@link Probing.pathOf}. */
  probePathOf(endpoint: Endpoint): string | undefined {
    return this.#probing.pathOf(endpoint);
  }

  /** What became of a probe that {@link takeProbe} asked for. */
  probed(endpoint: Endpoint, alive: boolean, nowMs: number): void {
    if (this.#probing.probed(endpoint, alive, nowMs)) this.#locality.judge();
  }

  /** What became of a probe of `key` for `path` that another process of this gateway asked for. */
  heard(key: string, path: string | undefined, alive: boolean, nowMs: number): void {
    if (this.#probing.heard(key, path, alive, nowMs)) this.#locality.judge();
  }

  #waitsNoMore(slot: number, startMs: number): void {
    const { rows } = this.#table;
    const at = slot * SIZE;
    const left = (rows[at + WAITING] as number) - 1;
    rows[at + WAITING] = left;
    rows[at + STARTS] = left === 0 ? 0 : (rows[at + STARTS] as number) - startMs;
  }

  #observe({ slot, kind }: Endpoint, nowMs: number, latencyMs: number, load: number): void {
    if (!(latencyMs >= 0)) return;
    observe(this.#table, slot, nowMs, latencyMs);
    if (kind === 'local' && load !== UNKNOWN_LOAD) observeLoad(this.#table, slot, load, latencyMs);
    this.#firstBytes.record(latencyMs);
  }

  /** Who is idle is taken to be like the others, who is unknown like the best. */
  #guessLocalMs(slot: number): number {
    const { medianMs, bestMs } = this.local.typical;
    return ((this.#table.flags[slot] as number) & FLAG.UNSEEN) !== 0 ? bestMs : medianMs;
  }

  #groupOf(endpoint: Endpoint): EndpointGroup {
    return endpoint.kind === 'local' ? this.local : this.remote;
  }
}
