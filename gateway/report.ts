/**
 * What the admin port tells of links and balancers, and how the reports of several workers become one. pure
 */
import type { ErrorCode } from '#core/errors.ts';
import type { Balancer } from './balance/balancer.ts';
import type { EndpointState } from './balance/endpoint.ts';
import type { Peers } from './peers.ts';

/** A link as the mirror controller and `isthmus` read it. */
export interface LinkReport {
  readonly name: string;
  readonly clusterName: string;
  readonly connected: boolean;
  readonly since: string;
  readonly roundTripMs: number | null;
  readonly peerVersion: string | null;
  readonly replicas: readonly string[];
  readonly tunnels: number;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
}

/** One balancer of one worker. */
export interface BalancerReport {
  readonly name: string;
  readonly worker: number;
  readonly localShare: number;
  readonly local: readonly object[];
  readonly remote: readonly object[];
}

/** The links of a worker. */
export function linkReports(peers: Peers): LinkReport[] {
  return [...peers.all()].map((tunnels) => {
    const { hello, error, roundTripMs } = tunnels;
    return {
      name: tunnels.peer.linkName,
      clusterName: tunnels.peer.clusterName,
      connected: tunnels.connected,
      since: new Date(tunnels.sinceMs).toISOString(),
      roundTripMs: Number.isNaN(roundTripMs) ? null : Number(roundTripMs.toFixed(3)),
      peerVersion: hello?.version ?? null,
      replicas: hello?.replicas ?? [],
      tunnels: tunnels.tunnelCount,
      error: error ? { code: error.code, message: error.message } : null,
    };
  });
}

/** One link of what each worker says of it: connected where every worker is, for any may be asked. */
export function mergeLinks(reports: readonly (readonly LinkReport[])[]): LinkReport[] {
  const merged = new Map<string, LinkReport>();
  for (const report of reports.flat()) {
    const known = merged.get(report.clusterName);
    merged.set(report.clusterName, known === undefined ? report : mergeLink(known, report));
  }
  return [...merged.values()];
}

/** The balancers of worker `worker`. */
export function balancerReports(
  balancer: Balancer,
  worker: number,
  nowMs: number,
): BalancerReport[] {
  const endpoints = (states: readonly EndpointState[]) =>
    states.map((each) => ({
      endpoint: each.key,
      latencyMs: Number.isNaN(each.latencyMs) ? null : each.latencyMs,
      cost: each.cost(nowMs),
      inFlight: each.inFlight,
      success: each.success,
      weight: each.weight,
      ramp: each.ramp(nowMs),
      ejected: each.ejected,
    }));
  return [...balancer.entries()].map(([name, each]) => ({
    name,
    worker,
    localShare: each.localShare(nowMs),
    local: endpoints(each.local.endpoints),
    remote: endpoints(each.remote.endpoints),
  }));
}

function mergeLink(a: LinkReport, b: LinkReport): LinkReport {
  // What is not connected says since when and why.
  const [told, other] = a.connected && !b.connected ? [b, a] : [a, b];
  const roundTrips = [a.roundTripMs, b.roundTripMs].filter((each) => each !== null);
  return {
    ...told,
    connected: a.connected && b.connected,
    roundTripMs: roundTrips.length === 0 ? null : Math.min(...roundTrips),
    peerVersion: told.peerVersion ?? other.peerVersion,
    replicas: told.replicas.length > 0 ? told.replicas : other.replicas,
    tunnels: a.tunnels + b.tunnels,
    error: told.error ?? other.error,
  };
}
