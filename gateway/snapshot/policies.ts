/**
 * TrafficPolicies → {@link TrafficSettings}: what is in force for a service of this cluster, and for a mirror. pure
 */
import {
  policiesInForce,
  type TrafficPolicy,
  targetKey,
} from '#kube/resources/policy-attachment.ts';
import {
  durationMs,
  type TargetKind,
  type TrafficPolicySpec,
} from '#kube/resources/traffic-policy.ts';
import { TRAFFIC_DEFAULTS, type TrafficSettings } from './traffic.ts';

/** Finds settings by what a policy is for; `undefined`: the defaults. */
export class Policies {
  readonly #inForce: ReadonlyMap<string, TrafficPolicy>;
  readonly #settings = new Map<TrafficPolicy, TrafficSettings>();

  constructor(policies: Iterable<TrafficPolicy>) {
    this.#inForce = policiesInForce(policies);
  }

  /** Of a Service of this cluster, where its own pods are chosen from. */
  ofService(namespace: string, name: string): TrafficSettings | undefined {
    return this.#find('Service', namespace, name) ?? this.#find('ServiceExport', namespace, name);
  }

  /** Of the mirror Service `mirror` of `name`: its own, that of the import, or that of the Service. */
  ofMirror(namespace: string, mirror: string, name: string): TrafficSettings | undefined {
    return (
      this.#find('Service', namespace, mirror) ??
      this.#find('ServiceImport', namespace, name) ??
      this.ofService(namespace, name)
    );
  }

  #find(kind: TargetKind, namespace: string, name: string): TrafficSettings | undefined {
    const policy = this.#inForce.get(targetKey(kind, namespace, name));
    if (policy?.spec === undefined) return undefined;
    const known = this.#settings.get(policy) ?? settingsOf(policy.spec);
    this.#settings.set(policy, known);
    return known;
  }
}

/** `spec` with every default filled in. */
export function settingsOf(spec: TrafficPolicySpec): TrafficSettings {
  const { balancer, locality, ejection, retry, hedge, timeout, limits } = TRAFFIC_DEFAULTS;
  const of = spec;
  return {
    balancer: {
      strategy: of.loadBalancer?.strategy ?? balancer.strategy,
      slowStartMs: msOr(of.loadBalancer?.slowStart, balancer.slowStartMs),
    },
    locality: {
      preference: of.locality?.preference ?? locality.preference,
      toleranceMs: msOr(of.locality?.tolerance, locality.toleranceMs),
      remoteShareMax: shareOr(of.locality?.maxRemotePercent, locality.remoteShareMax),
    },
    ejection: {
      consecutiveFailures: of.ejection?.consecutiveErrors ?? ejection.consecutiveFailures,
      successBelow: shareOr(of.ejection?.minSuccessPercent, ejection.successBelow),
      samplesMin: of.ejection?.minRequests ?? ejection.samplesMin,
      ...backoffOf(of),
      ejectedShareMax: shareOr(of.ejection?.maxEjectedPercent, ejection.ejectedShareMax),
      probePath: of.probe?.path,
    },
    retry: {
      attemptsMax: of.retry?.attempts ?? retry.attemptsMax,
      budgetShare: shareOr(of.retry?.budgetPercent, retry.budgetShare),
      budgetPerSecond: of.retry?.minPerSecond ?? retry.budgetPerSecond,
      statuses: of.retry?.statusCodes ?? retry.statuses,
      grpcStatuses: of.retry?.grpcCodes ?? retry.grpcStatuses,
    },
    hedge: { budgetShare: shareOr(of.hedge?.budgetPercent, hedge.budgetShare) },
    timeout: {
      // No time at all means no limit, as in an HTTPRoute (GEP-1742).
      requestMs: msOr(of.timeout?.request, timeout.requestMs) || undefined,
      attemptMs: msOr(of.timeout?.attempt, timeout.attemptMs) || undefined,
    },
    limits: {
      concurrencyMax: of.limits?.concurrency ?? limits.concurrencyMax,
      queueMax: of.limits?.queue ?? limits.queueMax,
      queueMs: msOr(of.limits?.queueTimeout, limits.queueMs),
      ratePerSecond: of.limits?.requestsPerSecond,
      rateBurst: of.limits?.burst ?? Math.max(1, Math.ceil(of.limits?.requestsPerSecond ?? 1)),
    },
  };
}

/** A first time out that is longer than the longest by default lengthens that. */
function backoffOf({ ejection: of }: TrafficPolicySpec) {
  const { ejection } = TRAFFIC_DEFAULTS;
  const backoffMs = msOr(of?.backoff, ejection.backoffMs);
  const backoffMaxMs = msOr(of?.maxBackoff, Math.max(backoffMs, ejection.backoffMaxMs));
  return { backoffMs: Math.min(backoffMs, backoffMaxMs), backoffMaxMs };
}

function msOr<T>(text: string | undefined, otherwise: T): number | T {
  return text === undefined ? otherwise : durationMs(text);
}

function shareOr(percent: number | undefined, otherwise: number): number {
  return percent === undefined ? otherwise : percent / 100;
}
