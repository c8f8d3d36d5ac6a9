/**
 * How requests for one service are balanced, repeated and limited: what its TrafficPolicy says, with every
 * default filled in, as the data path reads it. pure
 *
 * Shares are 0 to 1, times are milliseconds; limits count for one worker process of one gateway.
 */

/** Names as in Envoy, but for the default one, which Linkerd knows as EWMA. */
export type Strategy = 'ewma' | 'leastRequest' | 'roundRobin' | 'random';

/** How an endpoint is chosen. */
export interface BalancerSettings {
  readonly strategy: Strategy;
  /** How long a new or revived endpoint takes from a tenth of its weight to all of it. */
  readonly slowStartMs: number;
}

/** Local endpoints against other clusters: local stays while its cost ≤ `preference` × remote + `toleranceMs`. */
export interface LocalitySettings {
  readonly preference: number;
  readonly toleranceMs: number;
  /** Largest share of requests that leaves the cluster while a local endpoint is available. */
  readonly remoteShareMax: number;
}

/** When a failing endpoint is left out, and how it comes back. */
export interface EjectionSettings {
  readonly consecutiveFailures: number;
  /** Success rate below which an endpoint goes, once `samplesMin` answers were counted. */
  readonly successBelow: number;
  readonly samplesMin: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Share of a group that may be out for bad answers at once; one always may. Who refuses connections is out anyhow. */
  readonly ejectedShareMax: number;
  /** Path asked for by a probe after bad answers; `undefined`: one real request is let through. */
  readonly probePath: string | undefined;
}

/** What is sent again after a failure. */
export interface RetrySettings {
  /** Attempts for one request, the first included; 1 means none is repeated. */
  readonly attemptsMax: number;
  /** Repetitions allowed for each request that came. */
  readonly budgetShare: number;
  /** Repetitions allowed in each second whatever came. */
  readonly budgetPerSecond: number;
  /** Statuses of answers worth another attempt. */
  readonly statuses: readonly number[];
  /** `grpc-status` codes worth another attempt. */
  readonly grpcStatuses: readonly number[];
}

/** What is sent a second time beside a slow first attempt. */
export interface HedgeSettings {
  /** Second attempts, beside a slow first one, allowed for each request; 0: never. */
  readonly budgetShare: number;
}

/** How long an answer is waited for. */
export interface TimeoutSettings {
  /** From the head of a request to the head of its answer, every attempt included; `undefined`: as long as it takes. */
  readonly requestMs: number | undefined;
  /** The same of one attempt. */
  readonly attemptMs: number | undefined;
}

/** How much may be under way, in each worker. */
export interface LimitSettings {
  /** Requests under way at once. */
  readonly concurrencyMax: number;
  /** Requests that wait for one of those to end, and how long. */
  readonly queueMax: number;
  readonly queueMs: number;
  /** Requests a second and how many at once; `undefined`: as many as come. */
  readonly ratePerSecond: number | undefined;
  readonly rateBurst: number;
}

/** All of it, for one service. */
export interface TrafficSettings {
  readonly balancer: BalancerSettings;
  readonly locality: LocalitySettings;
  readonly ejection: EjectionSettings;
  readonly retry: RetrySettings;
  readonly hedge: HedgeSettings;
  readonly timeout: TimeoutSettings;
  readonly limits: LimitSettings;
}

/** What holds where no TrafficPolicy says otherwise; docs/decisions/0012 says where the figures come from. */
export const TRAFFIC_DEFAULTS: TrafficSettings = {
  balancer: { strategy: 'ewma', slowStartMs: 10_000 },
  locality: { preference: 1.5, toleranceMs: 5, remoteShareMax: 1 },
  ejection: {
    consecutiveFailures: 5,
    successBelow: 0.6,
    samplesMin: 20,
    backoffMs: 1_000,
    backoffMaxMs: 10_000,
    ejectedShareMax: 0.5,
    probePath: undefined,
  },
  retry: {
    attemptsMax: 3,
    budgetShare: 0.2,
    budgetPerSecond: 10,
    statuses: [500, 502, 503, 504],
    grpcStatuses: [14],
  },
  hedge: { budgetShare: 0.05 },
  timeout: { requestMs: undefined, attemptMs: undefined },
  limits: {
    concurrencyMax: 10_000,
    queueMax: 100,
    queueMs: 100,
    ratePerSecond: undefined,
    rateBurst: 1,
  },
};
