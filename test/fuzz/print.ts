/**
 * What a run of the fuzzers says at its end: findings, the stricter rules, and one line for machines.
 */
import type { StricterExample } from './examples.ts';
import { sectionOf } from './examples.ts';
import type { FuzzReport } from './report.ts';

const COLUMNS = 80;

type Print = (line: string) => void;

/** The result as one JSON object. */
export function verdictLine(report: FuzzReport): string {
  const { inputs, crashes, hangs, differences, stricter } = report;
  return JSON.stringify({ inputs, crashes, hangs, differences, stricter });
}

/** Rules that were counted and have no example. */
export function examplesMissing(
  report: FuzzReport,
  examples: ReadonlyMap<string, StricterExample>,
): string[] {
  return Object.keys(report.stricter).filter((rule) => !examples.has(rule));
}

/** What must not be, each with what repeats it. */
export function printFindings(report: FuzzReport, seed: number, print: Print): void {
  for (const { codec, index, what, input } of report.findings) {
    print(`${codec}:${index} ${what}`);
    print(`  ${input}`);
    print(`  again: npm run fuzz -- --seed ${seed} --only ${codec}:${index}`);
  }
}

/** The report for people. */
export function printSummary(
  report: FuzzReport,
  seed: number,
  examples: ReadonlyMap<string, StricterExample>,
  print: Print,
): void {
  printFindings(report, seed, print);
  print('Refused by us alone, and why:');
  for (const [rule, times] of Object.entries(report.stricter)) {
    const left = `  ${rule.padEnd(30)} ${sectionOf(rule)}`;
    print(`${left.padEnd(COLUMNS - 12)}${times.toLocaleString('en').padStart(12)}`);
    const example = examples.get(rule);
    print(`    ${shortened(example?.what ?? 'no example', COLUMNS - 4)}`);
  }
  const { inputs, crashes, hangs, differences } = report;
  print(
    `${inputs.toLocaleString('en')} inputs: ${crashes} crashes, ${hangs} hangs, ${differences} differences`,
  );
}

/** At most `most` characters; the middle of a longer text is left out, for the ends tell most. */
function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${text.slice(0, most - 1 - half)}…${text.slice(text.length - half)}`;
}
