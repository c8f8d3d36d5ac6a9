/**
 * The constants of the balancer, each with its reason; what a TrafficPolicy may change is in
 * `snapshot/traffic.ts`. Most come from the simulation in `docs/decisions/0012-balancer.md`. pure
 */

export const TUNING = {
  /** How often estimates drift, ramps grow and probes are looked for. */
  tickMs: 250,

  /** Weight of an answer slower than the estimate: slowness must be seen within a few requests. */
  alphaUp: 0.3,
  /** A faster one weighs `1 − e^(−gap/1 s)`, at least 0.1: after a pause one answer is enough. */
  alphaDownMin: 0.1,
  alphaDownTauMs: 1_000,
  /** What one answer weighs in the success rate. */
  successAlpha: 0.1,
  /** A success rate counts as at least this, so that a cost stays finite. */
  successFloor: 0.05,
  /** Idle endpoints are taken to be like their neighbours after about this long, and sound again. */
  driftTauMs: 10_000,
  /** The best a group was known to do is forgotten this slowly while it does worse. */
  baselineTauMs: 60_000,
  /** Estimate where nothing at all was measured. */
  unknownMs: 1,

  /** Explorations for each first attempt, and how many can be saved up. */
  explorationShare: 0.005,
  explorationsMax: 5,
  /** An endpoint this long without news may be explored. */
  explorationIdleMs: 5_000,
  /** An exploration is hedged after at most this. */
  explorationHedgeMs: 20,
  /** First attempts between two that probe an ejected endpoint within one tick. */
  picksPerProbe: 10,

  /** Share of its weight an endpoint starts with when it is new or back. */
  rampStart: 0.1,
  /** The local group keeps everything until 1 − 1/1.4 of what it needs is gone. */
  overprovision: 1.4,
  /** Capacity lost to failures counts as missing this long after its endpoints are gone. */
  lostMs: 60_000,
  /** A group with less than this share of its members available is in panic, if others cannot help. */
  panicBelow: 0.5,
  /**
   * Mean age of what waits at a cluster, in units of its estimate, beyond which it stalls: in a steady stream
   * it is a half, where answers take very different times about one.
   */
  stallFactor: 1.5,
  stallMs: 10,
  /** A remote cluster that succeeds less often is not spilled onto. */
  remoteSuccessMin: 0.9,
  /** More requests than this share going elsewhere, of those that could stay, is spilling. */
  spillingAbove: 0.05,
  spillingTauMs: 2_000,
  /** How many requests the cap of the remote share may save up. */
  remoteBurst: 10,

  /** How often it is read when a second attempt is worth it, and from how many first bytes at least. */
  hedgeRefreshMs: 3_000,
  hedgeSamplesMin: 20,
  hedgePercentile: 0.95,
  /** A second attempt answers after a median more: not to be begun before as much again has passed. */
  hedgeMedians: 2,

  /** Probes by connection under way at once, of all services of a worker. */
  probesMax: 256,
  /** A service without traffic is left alone by the tick after this long. */
  asleepAfterMs: 60_000,
} as const;
