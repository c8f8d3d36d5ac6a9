/**
 * What the admin port tells of links and balancers, and how the reports of several workers become one. pure
 */
import type { ErrorCode } from '#core/errors.ts';
import type { Balancer } from '../balance/balancer.ts';
import { describeService, type ServiceReport } from '../balance/describe.ts';
import type { Peers } from '../peers.ts';

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
export interface BalancerReport extends ServiceReport {
  readonly worker: number;
  /** `namespace/name` of the mirror it chooses for; null: for what other clusters ask for. */
  readonly mirror: string | null;
  /** Port of the exported Service. */
  readonly port: number;
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

/** What `balanceKey` put together. */
function keyParts(key: string): { readonly mirror: string | null; readonly port: number } {
  const [mirror, target] = key.includes('>') ? key.split('>') : [undefined, key];
  return { mirror: mirror ?? null, port: Number(target?.split(':').at(-1)) };
}

/** The balancers of worker `worker`: of `only`, a mirror or an exported Service, or all. */
export function balancerReports(
  balancer: Balancer,
  worker: number,
  nowMs: number,
  only: string | undefined,
): BalancerReport[] {
  const reports: BalancerReport[] = [];
  for (const [key, service] of balancer.entries()) {
    const parts = keyParts(key);
    if (only !== undefined && only !== parts.mirror && only !== service.name) continue;
    reports.push({ worker, ...parts, ...describeService(service, nowMs) });
  }
  return reports;
}

/** `namespace/name` of all that `balancer` chooses for: mirrors, and Services that peers ask for. */
export function serviceNames(balancer: Balancer): string[] {
  const names = [...balancer.entries()].map(([key, { name }]) => keyParts(key).mirror ?? name);
  return [...new Set(names)];
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
