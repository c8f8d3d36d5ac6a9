/**
 * From what every request of a drill was like to what the drill says. pure
 */
import type { FailoverDrill } from '#kube/resources/failover-drill.ts';

/** One request, as the load generator saw it. Times are monotonic milliseconds. */
export interface RequestRecord {
  readonly startMs: number;
  readonly endMs: number;
  /** The cluster named in the answer; `undefined` when the request failed. */
  readonly cluster: string | undefined;
  readonly failure: string | undefined;
}

/** When things happened, monotonic milliseconds. */
export interface DrillTimes {
  /** The start of each step, and the end of the last. */
  readonly boundariesMs: readonly number[];
  readonly faultMs: number | undefined;
  /** The first local pod was ready again after the fault. */
  readonly localReadyMs: number | undefined;
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
}

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
  readonly failoverMs: number | null;
  readonly failbackMs: number | null;
  readonly steps: readonly StepReport[];
  readonly expectations: readonly Expectation[];
  /** The first few different failures, for people. */
  readonly failures: readonly string[];
}

const WINDOW_MS = 1_000;
const HOME_SHARE = 0.95;
const FAILURES_SHOWN = 5;

/** The report of `drill`. A request belongs to the step it started in. */
export function drillReport(
  drill: FailoverDrill,
  records: readonly RequestRecord[],
  times: DrillTimes,
): DrillReport {
  const home = drill.spec.target.cluster;
  const steps = drill.spec.steps.map((step, index) => {
    const from = times.boundariesMs[index] ?? Number.POSITIVE_INFINITY;
    const to = times.boundariesMs[index + 1] ?? Number.POSITIVE_INFINITY;
    const own = records.filter((each) => each.startMs >= from && each.startMs < to);
    return stepReport(step.name, own);
  });
  const byEnd = [...records].sort((a, b) => a.endMs - b.endMs);
  const failoverMs = measureFailover(byEnd, times.faultMs, home);
  const failbackMs = measureFailback(byEnd, times.localReadyMs, home);
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

function stepReport(name: string, records: readonly RequestRecord[]): StepReport {
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
    p50Ms: percentile(latencies, 0.5),
    p95Ms: percentile(latencies, 0.95),
    p99Ms: percentile(latencies, 0.99),
    shares: Object.fromEntries(
      [...counts].sort().map(([cluster, count]) => [cluster, round(count / answers.length, 4)]),
    ),
  };
}

/** Nearest rank of sorted values, in milliseconds with two decimals; `null` of none. */
export function percentile(sorted: readonly number[], quantile: number): number | null {
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(quantile * sorted.length) - 1)];
  return value === undefined ? null : round(value, 2);
}

/**
 * From the fault until the first moment after which every answer of the next second succeeds, from
 * another cluster; `null` when that never comes. The moment is that of the first such answer: before
 * it nobody could have seen that the service is back.
 */
function measureFailover(
  byEnd: readonly RequestRecord[],
  faultMs: number | undefined,
  home: string,
): number | null {
  if (faultMs === undefined) return null;
  let firstGoodMs: number | undefined;
  for (const { endMs, cluster } of byEnd) {
    if (endMs <= faultMs) continue;
    if (firstGoodMs !== undefined && endMs > firstGoodMs + WINDOW_MS) break;
    if (cluster === undefined || cluster === home) firstGoodMs = undefined;
    else firstGoodMs ??= endMs;
  }
  const lastMs = byEnd.at(-1)?.endMs ?? 0;
  // A second that was cut off by the drill's end proves nothing.
  if (firstGoodMs === undefined || lastMs < firstGoodMs + WINDOW_MS) return null;
  return round(firstGoodMs - faultMs, 1);
}

/** From the first local pod ready until the local share over one second is home again. */
function measureFailback(
  byEnd: readonly RequestRecord[],
  localReadyMs: number | undefined,
  home: string,
): number | null {
  if (localReadyMs === undefined) return null;
  let from = 0;
  let local = 0;
  let total = 0;
  for (const each of byEnd) {
    if (each.cluster === undefined) continue;
    total += 1;
    if (each.cluster === home) local += 1;
    for (let oldest = byEnd[from]; oldest && oldest.endMs <= each.endMs - WINDOW_MS; ) {
      if (oldest.cluster !== undefined) total -= 1;
      if (oldest.cluster === home) local -= 1;
      from += 1;
      oldest = byEnd[from];
    }
    const atMs = each.endMs - localReadyMs;
    if (atMs > 0 && total > 0 && local / total >= HOME_SHARE) return round(atMs, 1);
  }
  return null;
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

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
