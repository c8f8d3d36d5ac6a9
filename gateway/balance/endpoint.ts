/**
 * One candidate of the balancer: a local pod, or a whole remote cluster. pure
 *
 * Holds what was observed and turns it into a cost. After `balancing.md` §4: cost = max(EWMA latency,
 * mean age of in-flight requests) × (in-flight + 1) × 1/(weight · ramp · success²). The mean age is
 * what recognises a black hole before any timeout. Times are arguments, in monotonic milliseconds.
 */

/** How an attempt at an endpoint ended. */
export type Outcome =
  /** An answer that is no failure of the endpoint. */
  | 'success'
  /** The endpoint answered badly, broke the connection or never answered. */
  | 'failure'
  /** Nothing accepted the connection. */
  | 'refused'
  /** We gave up for reasons of our own, such as a client that left. */
  | 'cancelled';

export const BALANCE = {
  /** Weight of a slower observation. */
  alphaUp: 0.3,
  /** A faster one weighs `1 − e^(−gap/1 s)`, at least this. */
  alphaDownMin: 0.1,
  alphaDownTauMs: 1_000,
  successAlpha: 0.1,
  successFloor: 0.05,
  ejectConsecutive: 5,
  ejectSuccessBelow: 0.6,
  ejectSamplesMin: 20,
  rampStart: 0.1,
  rampMs: 10_000,
  driftTauMs: 10_000,
} as const;

/** Assumed latency where neither the endpoint nor its group has been measured. */
const UNKNOWN_LATENCY_MS = 1;

export class EndpointState {
  /** Stable name: `host:port`, or the cluster. */
  readonly key: string;
  /** Estimated milliseconds to the first byte; NaN until measured or seeded. */
  latencyMs = Number.NaN;
  inFlight = 0;
  success = 1;
  samples = 0;
  consecutiveFailures = 0;
  /** Set while ejected: when the next probe is due. */
  probeAtMs: number | undefined;
  /** Ejections in a row without a success in between. */
  ejections = 0;
  /** Whether the last ejection came from refused connections. */
  refused = false;
  lastObservedMs: number;
  /** How many endpoints stand behind this one (a cluster's ready pods); 0 means none. */
  weight = 1;
  /** Whether it came after its group was first filled and has not reached full weight yet. */
  replacing: boolean;
  #sumOfStarts = 0;
  #rampFromMs: number | undefined;

  constructor(key: string, nowMs: number, ramped: boolean) {
    this.key = key;
    this.lastObservedMs = nowMs;
    this.replacing = ramped;
    if (ramped) this.#rampFromMs = nowMs;
  }

  get ejected(): boolean {
    return this.probeAtMs !== undefined;
  }

  get available(): boolean {
    return this.probeAtMs === undefined && this.weight > 0;
  }

  /** Share of full weight while starting slowly, 0.1 to 1. */
  ramp(nowMs: number): number {
    if (this.#rampFromMs === undefined) return 1;
    const grown =
      BALANCE.rampStart + (1 - BALANCE.rampStart) * ((nowMs - this.#rampFromMs) / BALANCE.rampMs);
    if (grown < 1) return Math.max(BALANCE.rampStart, grown);
    this.#rampFromMs = undefined;
    return 1;
  }

  /** What sending the next request here costs, in milliseconds; lower is better. */
  cost(nowMs: number): number {
    const known = Number.isNaN(this.latencyMs) ? UNKNOWN_LATENCY_MS : this.latencyMs;
    const age = this.inFlight > 0 ? nowMs - this.#sumOfStarts / this.inFlight : 0;
    const success = Math.max(BALANCE.successFloor, this.success);
    const load = this.inFlight / Math.max(1, this.weight) + 1;
    return (Math.max(known, age) * load) / (this.ramp(nowMs) * success * success);
  }

  /** An attempt begins; must be matched by exactly one {@link end} with the same `startMs`. */
  begin(startMs: number): void {
    this.inFlight += 1;
    this.#sumOfStarts += startMs;
  }

  /** The attempt that began at `startMs` ended; `latencyMs` is the time to its first byte. */
  end(startMs: number, nowMs: number, outcome: Outcome, latencyMs: number): void {
    this.inFlight -= 1;
    this.#sumOfStarts = this.inFlight === 0 ? 0 : this.#sumOfStarts - startMs;
    if (outcome === 'cancelled') return;
    if (outcome === 'success') this.#observe(latencyMs, nowMs);
    this.samples += 1;
    this.success += BALANCE.successAlpha * ((outcome === 'success' ? 1 : 0) - this.success);
    this.consecutiveFailures = outcome === 'success' ? 0 : this.consecutiveFailures + 1;
    if (outcome === 'success') this.ejections = 0;
    this.refused = outcome === 'refused';
  }

  /** Whether what was seen so far calls for ejection. */
  get failing(): boolean {
    if (this.refused) return true;
    if (this.consecutiveFailures >= BALANCE.ejectConsecutive) return true;
    return this.samples >= BALANCE.ejectSamplesMin && this.success < BALANCE.ejectSuccessBelow;
  }

  /** Leaves the picker until a probe succeeds. */
  eject(probeAtMs: number): void {
    this.probeAtMs = probeAtMs;
    this.ejections += 1;
  }

  /** Comes back, slowly, with a clean record and the latency `seedMs`. */
  revive(nowMs: number, seedMs: number): void {
    this.probeAtMs = undefined;
    this.refused = false;
    this.success = 1;
    this.samples = 0;
    this.consecutiveFailures = 0;
    this.latencyMs = seedMs;
    this.lastObservedMs = nowMs;
    this.#rampFromMs = nowMs;
  }

  /** Pulls an estimate nobody refreshed towards `towardsMs`; never towards zero. */
  drift(nowMs: number, elapsedMs: number, towardsMs: number): void {
    if (Number.isNaN(towardsMs) || this.inFlight > 0) return;
    if (Number.isNaN(this.latencyMs)) this.latencyMs = towardsMs;
    else if (nowMs - this.lastObservedMs > elapsedMs) {
      const share = 1 - Math.exp(-elapsedMs / BALANCE.driftTauMs);
      this.latencyMs += share * (towardsMs - this.latencyMs);
    }
  }

  #observe(latencyMs: number, nowMs: number): void {
    if (Number.isNaN(this.latencyMs)) this.latencyMs = latencyMs;
    else {
      const gapMs = nowMs - this.lastObservedMs;
      const down = Math.max(BALANCE.alphaDownMin, 1 - Math.exp(-gapMs / BALANCE.alphaDownTauMs));
      const alpha = latencyMs > this.latencyMs ? BALANCE.alphaUp : down;
      this.latencyMs += alpha * (latencyMs - this.latencyMs);
    }
    this.lastObservedMs = nowMs;
  }
}
