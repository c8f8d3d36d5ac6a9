/**
 * The state behind every pick, for the admin port and `isthmus explain`. pure
 */

import { costMs } from './estimate.ts';
import type { EndpointGroup } from './group.ts';
import type { ServiceBalancer } from './service.ts';
import { FLAG } from './table.ts';

/** One endpoint; times are milliseconds. */
export interface EndpointReport {
  readonly endpoint: string;
  /** Expected time to the first byte; null where nothing was measured. */
  readonly latencyMs: number | null;
  /** What a request there costs, its slow start left out. */
  readonly cost: number;
  readonly inFlight: number;
  /** Of those in flight, how many wait for a first byte. */
  readonly waiting: number;
  readonly success: number;
  readonly weight: number;
  readonly ramp: number;
  readonly ejected: boolean;
  /** How long until its next probe; null while it is not ejected. */
  readonly ejectedForMs: number | null;
  /** How long it wants to be left alone; null while it does not. */
  readonly penalisedForMs: number | null;
  /** Ejections since it last was sound for long. */
  readonly ejections: number;
  /** Probes since this gateway knows it. */
  readonly probes: number;
  readonly spilling: boolean;
}

/** One balancer. */
export interface ServiceReport {
  readonly name: string;
  readonly strategy: string;
  readonly localShare: number;
  readonly spilling: boolean;
  /** When a slow attempt is hedged; null while unknown. */
  readonly hedgeDelayMs: number | null;
  readonly explorationTokens: number;
  readonly local: readonly EndpointReport[];
  readonly remote: readonly EndpointReport[];
}

/** What `service` knows at `nowMs`. */
export function describeService(service: ServiceBalancer, nowMs: number): ServiceReport {
  const { hedgeDelayMs } = service;
  return {
    name: service.name,
    strategy: service.settings.balancer.strategy,
    localShare: service.localShare(nowMs),
    spilling: service.spilling,
    hedgeDelayMs: Number.isNaN(hedgeDelayMs) ? null : hedgeDelayMs,
    explorationTokens: service.exploration.tokens,
    local: describeGroup(service.local, nowMs),
    remote: describeGroup(service.remote, nowMs),
  };
}

function describeGroup({ table, members }: EndpointGroup, nowMs: number): EndpointReport[] {
  const reports: EndpointReport[] = [];
  for (const slot of members.slots.subarray(0, members.count)) {
    const flags = table.flags[slot] as number;
    const ejected = (flags & FLAG.EJECTED) !== 0;
    const penalisedForMs = (table.penalisedUntilMs[slot] as number) - nowMs;
    reports.push({
      endpoint: table.handles[slot]?.key ?? '',
      latencyMs: (flags & FLAG.UNSEEN) !== 0 ? null : (table.estimateMs[slot] as number),
      cost: costMs(table, slot, nowMs),
      inFlight: table.inFlight[slot] as number,
      waiting: table.waiting[slot] as number,
      success: table.success[slot] as number,
      weight: table.weight[slot] as number,
      ramp: table.ramp[slot] as number,
      ejected,
      ejectedForMs: ejected ? Math.max(0, (table.probeAtMs[slot] as number) - nowMs) : null,
      penalisedForMs: penalisedForMs > 0 ? penalisedForMs : null,
      ejections: table.ejections[slot] as number,
      probes: table.probes[slot] as number,
      spilling: (flags & FLAG.SPILLING) !== 0,
    });
  }
  return reports.sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1));
}
