/**
 * A drill's report for people, 80 columns wide. pure
 */
import { type Paint, table } from '../output.ts';
import type { DrillReport } from './report.ts';

/** The report as text, with a verdict at the end. */
export function drillText(report: DrillReport, paint: Paint): string {
  const steps = report.steps.map((each) => [
    each.name,
    String(each.requests),
    String(each.failed),
    milliseconds(each.p50Ms),
    milliseconds(each.p95Ms),
    milliseconds(each.p99Ms),
    Object.entries(each.shares)
      .map(([cluster, share]) => `${cluster} ${(share * 100).toFixed(1)} %`)
      .join(', '),
  ]);
  const expectations = report.expectations.map((each) => [
    each.passed ? paint('green', '✓') : paint('red', '✗'),
    each.name,
    String(each.limit),
    each.measured === null ? 'never' : String(each.measured),
  ]);
  // The verdict's line has the worst of them.
  const several = report.steps.filter(
    (each) => each.failoverMs !== null || each.failbackMs !== null,
  );
  const failovers = several.map((each) => [
    each.name,
    milliseconds(each.failoverMs),
    milliseconds(each.failbackMs),
  ]);
  const verdict = report.passed ? paint('green', 'passed') : paint('red', 'failed');
  return [
    table(['STEP', 'REQUESTS', 'FAILED', 'P50', 'P95', 'P99', 'ANSWERED BY'], steps),
    '',
    table([' ', 'EXPECTATION', 'LIMIT', 'MEASURED'], expectations),
    ...(failovers.length > 1 ? ['', table(['FAULT OF', 'FAILOVER', 'FAILBACK'], failovers)] : []),
    ...(report.failures.length > 0
      ? ['', 'Failures:', ...report.failures.map((each) => `  ${each}`)]
      : []),
    '',
    `drill ${report.name} ${verdict}: ${report.requests} requests, ${report.failedRequests} failed,`,
    `  failover ${milliseconds(report.failoverMs)}, failback ${milliseconds(report.failbackMs)}`,
    '',
  ].join('\n');
}

function milliseconds(value: number | null): string {
  if (value === null) return 'never';
  return value >= 10 ? `${Math.round(value)} ms` : `${value} ms`;
}
