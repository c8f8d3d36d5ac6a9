/**
 * What a run of the contract says at its end, on 80 columns or as JSON. pure
 */
import { EXEMPTIONS } from './case.ts';
import type { Difference } from './compare.ts';
import type { Outcome } from './run.ts';

/** The outcomes on one cluster. */
export interface Judged {
  readonly name: string;
  /** `gitVersion`. */
  readonly version: string;
  readonly outcomes: readonly Outcome[];
  readonly tookMs: number;
}

/** A whole run. */
export interface Result {
  readonly embedded: Judged;
  /** Absent where there are no programs to start. */
  readonly kubernetes?: Judged;
  readonly differences: readonly Difference[];
}

const COLUMNS = 80;

/** Whether everything is as it should be. */
export function isGood({ embedded, kubernetes, differences }: Result): boolean {
  const failed = [embedded, kubernetes].some((each) =>
    each?.outcomes.some(({ verdict }) => verdict === 'failed'),
  );
  return !failed && differences.every(({ exemption }) => exemption !== undefined);
}

/** The report as lines of at most 80 columns. */
export function reportLines(result: Result): string[] {
  const { embedded, kubernetes, differences } = result;
  return [
    ...judgedLines(embedded),
    ...(kubernetes ? judgedLines(kubernetes) : NOT_TRIED),
    ...(kubernetes ? differenceLines(differences) : []),
  ];
}

/** The report as JSON. */
export function reportJson(result: Result): object {
  const judged = ({ name, version, outcomes, tookMs }: Judged) => ({
    name,
    version,
    tookMs: Math.round(tookMs),
    counts: counts(outcomes),
    cases: outcomes.map(({ records, tookMs: caseMs, ...each }) => ({
      ...each,
      tookMs: Math.round(caseMs),
      records: Object.fromEntries(records),
    })),
  });
  const { embedded, kubernetes, differences } = result;
  return {
    good: isGood(result),
    embedded: judged(embedded),
    kubernetes: kubernetes ? judged(kubernetes) : null,
    differences,
  };
}

const NOT_TRIED = [
  '',
  'A real API server was not tried. To judge one, name a folder with etcd,',
  'kube-apiserver and kube-controller-manager (1.30 or later):',
  '',
  '  KUBEBUILDER_ASSETS=/path/to/bin npm run test:contract',
];

function judgedLines({ name, version, outcomes, tookMs }: Judged): string[] {
  const { passed, failed, skipped } = counts(outcomes);
  const seconds = (tookMs / 1_000).toFixed(1);
  const lines = [
    '',
    `${name} (${version}): ${outcomes.length} cases in ${seconds} s: ` +
      `${passed} passed, ${failed} failed, ${skipped} skipped`,
  ];
  for (const each of outcomes) {
    if (each.verdict === 'passed') continue;
    lines.push('', ...wrap(`${each.verdict.toUpperCase()} ${each.name}`, ''));
    lines.push(...wrap(each.reason, '  '), ...wrap(each.source, '  '));
  }
  return lines;
}

function differenceLines(differences: readonly Difference[]): string[] {
  const exempt = differences.filter(({ exemption }) => exemption !== undefined);
  const real = differences.filter(({ exemption }) => exemption === undefined);
  const lines = ['', `${real.length} differences between the two`];
  for (const { name, what, embedded, kubernetes } of real) {
    lines.push('', ...wrap(`${name}: ${what}`, ''));
    lines.push(...wrap(`embedded   ${embedded}`, '  '), ...wrap(`kubernetes ${kubernetes}`, '  '));
  }
  for (const { exemption } of exempt) {
    if (exemption === undefined) continue;
    lines.push('', ...wrap(`exempt: ${exemption}: ${EXEMPTIONS[exemption]}`, ''));
  }
  return lines;
}

function counts(outcomes: readonly Outcome[]) {
  const of = (verdict: Outcome['verdict']) =>
    outcomes.filter((each) => each.verdict === verdict).length;
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}

/** `text` in lines of at most 80 columns; words longer than that are cut. */
export function wrap(text: string, indent: string): string[] {
  const width = COLUMNS - indent.length;
  return text.split('\n').flatMap((line) => {
    const lines: string[] = [];
    let rest = line;
    while (rest.length > width) {
      const space = rest.lastIndexOf(' ', width);
      const end = space > width / 2 ? space : width;
      lines.push(rest.slice(0, end));
      rest = rest.slice(end).trimStart();
    }
    return [...lines, rest].map((each) => indent + each);
  });
}
