/**
 * From what every request of a drill was like to what the drill says. pure
 */
import { percentile, rounded } from '#core/figures.ts';
import type { FailoverDrill } from '#kube/resources/failover-drill.ts';
import { type Failover, type FaultTimes, failovers, worstOf } from './failover.ts';
import type { RequestRecord } from './record.ts';

/** When things happened, monotonic milliseconds. */
export interface DrillTimes {
  /** The start of each step, and the end of the last. */
  readonly boundariesMs: readonly number[];
  /** In the order of the steps. */
  readonly faults: readonly FaultTimes[];
}

export interface StepReport {
  readonly name: string;
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** By cluster, of the answers of this step. */
  readonly shares: Readonly<Record<string, number>>;
  /** Of the step's fault; `null` where it has none, or where that never came. */
  readonly failoverMs: number | null;
  readonly failbackMs: number | null;
  /** What the step's fault called for, and never came. */
  readonly missing: Failover['missing'];
}

/** One limit of the drill, and whether it held. */
export interface Expectation {
  readonly name: string;
  readonly limit: number;
  readonly measured: number | null;
  readonly passed: boolean;
}

export interface DrillReport {
  readonly name: string;
  readonly passed: boolean;
  readonly requests: number;
  readonly failedRequests: number;
  /** The worst of all faults; `null` where one that was called for never came, or none was. */
  readonly failoverMs: number | null;
  readonly failbackMs: number | null;
  readonly steps: readonly StepReport[];
  readonly expectations: readonly Expectation[];
  /** The first few different failures, for people. */
  readonly failures: readonly string[];
}

const FAILURES_SHOWN = 5;

/** The report of `drill`. A request belongs to the step it started in. */
export function drillReport(
  drill: FailoverDrill,
  records: readonly RequestRecord[],
  times: DrillTimes,
): DrillReport {
  const home = drill.spec.target.cluster;
  const { boundariesMs, faults } = times;
  const byEnd = [...records].sort((a, b) => a.endMs - b.endMs);
  const measured = failovers(byEnd, faults, home);
  const steps = drill.spec.steps.map((step, index) => {
    const from = boundariesMs[index] ?? Number.POSITIVE_INFINITY;
    const to = boundariesMs[index + 1] ?? Number.POSITIVE_INFINITY;
    const own = records.filter((each) => each.startMs >= from && each.startMs < to);
    return stepReport(step.name, own, measured[faults.findIndex((each) => each.step === index)]);
  });
  const { failoverMs, failbackMs } = worstOf(measured);
  const failed = records.filter((each) => each.failure !== undefined);
  const partial = { failedRequests: failed.length, failoverMs, failbackMs, steps };
  const expectations = judge(drill, partial);
  return {
    name: drill.metadata.name,
    passed: expectations.every((each) => each.passed),
    requests: records.length,
    ...partial,
    expectations,
    failures: [...new Set(failed.map((each) => each.failure ?? ''))].slice(0, FAILURES_SHOWN),
  };
}

function stepReport(
  name: string,
  records: readonly RequestRecord[],
  failover: Failover | undefined,
): StepReport {
  const latencies = records
    .filter((each) => each.failure === undefined)
    .map((each) => each.endMs - each.startMs)
    .sort((a, b) => a - b);
  const answers = records.filter((each) => each.cluster !== undefined);
  const counts = new Map<string, number>();
  for (const { cluster } of answers) {
    if (cluster !== undefined) counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
  }
  return {
    name,
    requests: records.length,
    failed: records.filter((each) => each.failure !== undefined).length,
    p50Ms: rounded(percentile(latencies, 0.5), 2),
    p95Ms: rounded(percentile(latencies, 0.95), 2),
    p99Ms: rounded(percentile(latencies, 0.99), 2),
    shares: Object.fromEntries(
      [...counts].sort().map(([cluster, count]) => [cluster, rounded(count / answers.length, 4)]),
    ),
    failoverMs: failover?.failoverMs ?? null,
    failbackMs: failover?.failbackMs ?? null,
    missing: failover?.missing ?? [],
  };
}

function judge(
  drill: FailoverDrill,
  measured: Pick<DrillReport, 'failedRequests' | 'failoverMs' | 'failbackMs' | 'steps'>,
): Expectation[] {
  const { expect, steps } = drill.spec;
  const expectations: Expectation[] = [];
  const atMost = (name: string, limit: number | undefined, value: number | null) => {
    if (limit === undefined) return;
    expectations.push({ name, limit, measured: value, passed: value !== null && value <= limit });
  };
  atMost('failedRequestsMax', expect.failedRequestsMax, measured.failedRequests);
  atMost('failoverMsMax', expect.failoverMsMax, measured.failoverMs);
  atMost('failbackMsMax', expect.failbackMsMax, measured.failbackMs);
  steps.forEach((step, index) => {
    for (const [cluster, limit] of Object.entries(step.expect?.sharesMin ?? {})) {
      const value = measured.steps[index]?.shares[cluster] ?? 0;
      const name = `${step.name}.sharesMin.${cluster}`;
      expectations.push({ name, limit, measured: value, passed: value >= limit });
    }
  });
  return expectations;
}
