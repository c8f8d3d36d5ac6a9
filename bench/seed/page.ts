/** The section of `docs/performance.md` about the reference experiment. pure */
import { EXPERIMENTS, type ExperimentName, POLICIES } from './experiment.ts';
import type { SeedResult } from './result.ts';

const TEXTS: Readonly<Record<ExperimentName, readonly string[]>> = {
  policies: [
    'Ten servers that take 0 to 2,000 ms, two of them failing 40 and 60 % of requests; fifty clients ask ten times a',
    'second, all at once, over a new connection each (linkerd-examples, `add-steps`). Published: Linkerd p50 42, p95 604,',
    'p99 734 ms, 316 requests/s, 100 %; round robin 86, 1,739, 2,100 ms, 109 requests/s, 88.08 %.',
  ],
  capacityLimited: [
    'The same servers, each serving one request after the other, the first in 5 ms; 300 requests a second whatever',
    'becomes of those before. The oracle, which knows the first server alone, asks more of it than it can do.',
  ],
};

/** The lines. */
export function seedSection(result: SeedResult): string[] {
  const lines = ['', '## The reference experiment', ''];
  lines.push(
    'One gateway, one hop, ten local endpoints; the same for every proxy. `oracle` is the same gateway with the first',
    'server alone. Latency to the first byte of answers below 500. Command: `npm run bench -- seed`.',
  );
  for (const experiment of EXPERIMENTS) {
    lines.push(
      '',
      ...TEXTS[experiment],
      '',
      `![latency over time](performance/seed-${experiment}.svg)`,
      '',
    );
    lines.push(
      '| policy | p50 ms | p95 ms | p99 ms | requests/s | success |',
      '| --- | --- | --- | --- | --- | --- |',
    );
    for (const policy of POLICIES) {
      const { p50Ms, p95Ms, p99Ms, rps, successRate } = result[experiment][policy];
      const success = `${(successRate * 100).toFixed(2)} %`;
      lines.push(`| ${policy} | ${p50Ms} | ${p95Ms} | ${p99Ms} | ${rps} | ${success} |`);
    }
  }
  return lines;
}
