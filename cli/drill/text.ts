/**
 * A drill's report for people, 80 columns wide. pure
 */
import { COLUMNS, namedTable, type Paint, printable, table, wrap } from '../output.ts';
import type { DrillReport, StepReport } from './report.ts';

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
    (each) => each.failoverMs !== null || each.failbackMs !== null || each.missing.length > 0,
  );
  const failovers = several.map((each) => [
    each.name,
    fromFault(each, 'failover'),
    fromFault(each, 'failback'),
  ]);
  const verdict = report.passed ? paint('green', 'passed') : paint('red', 'failed');
  return [
    namedTable(['STEP', 'REQUESTS', 'FAILED', 'P50', 'P95', 'P99', 'ANSWERED BY'], steps),
    '',
    table([' ', 'EXPECTATION', 'LIMIT', 'MEASURED'], expectations),
    ...(failovers.length > 1
      ? ['', namedTable(['FAULT OF', 'FAILOVER', 'FAILBACK'], failovers)]
      : []),
    ...(report.failures.length > 0
      ? ['', 'Failures:', ...report.failures.map((each) => wrap(printable(`  ${each}`), COLUMNS))]
      : []),
    '',
    `drill ${report.name} ${verdict}: ${report.requests} requests, ${report.failedRequests} failed,`,
    wrap(`  ${worstText(report, 'failover')}, ${worstText(report, 'failback')}`, COLUMNS),
    '',
  ].join('\n');
}

type Move = StepReport['missing'][number];

function fromFault(step: StepReport, move: Move): string {
  return step.missing.includes(move) ? 'never' : milliseconds(step[`${move}Ms`]);
}

/** The worst of all faults, or in which steps it never came. */
function worstText(report: DrillReport, move: Move): string {
  const worst = report[`${move}Ms`];
  if (worst !== null) return `${move} ${milliseconds(worst)}`;
  const missing = report.steps.filter((each) => each.missing.includes(move));
  return missing.length === 0
    ? `no ${move} called for`
    : `${move} never in ${missing.map((each) => each.name).join(' and ')}`;
}

function milliseconds(value: number | null): string {
  if (value === null) return '-';
  return value >= 10 ? `${Math.round(value)} ms` : `${value} ms`;
}
