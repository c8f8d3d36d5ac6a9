/**
 * Who may serve, as the balancer is told of it. pure
 */

/** One endpoint as its group is told of it. */
export interface Candidate {
  readonly key: string;
  /** A pod's static weight; a cluster's ready endpoints, 0 while nothing can be reached there. */
  readonly weight: number;
}

/** One remote cluster that may serve. */
export interface RemoteCandidate {
  readonly cluster: string;
  /** Its ready endpoints as last announced; 0 while it is unreachable or has none. */
  readonly weight: number;
  /** Round trip between the gateways; NaN while unknown. */
  readonly roundTripMs: number;
  /** Whether it sends requests for this service away itself. @default false */
  readonly spilling?: boolean;
}
