/** The section of `docs/performance.md` about failures. pure */
import type { FailoverResult } from './result.ts';
import { REQUESTS_PER_SECOND, SCENARIOS, SYSTEMS, TEXTS } from './scenarios.ts';

/** The lines. */
export function failoverSection(result: FailoverResult): string[] {
  const lines = ['', '## Failures', ''];
  lines.push(
    `What a client sees of ${REQUESTS_PER_SECOND} GETs a second to a service that both clusters have, while something fails for five`,
    'seconds. The mirror is asked through its Service address; HAProxy has local pods, those of the other cluster as',
    'backups, and health checks every second. *Home*: from the end of the fault until the local cluster answers 95 % again;',
    '*early*: requests sent home beyond what the pods that came back could hold. *Failed* leaves out requests on connections to',
    'a gateway of the client that is killed: those it held, and those opened before its Service named it no more.',
    'Command: `npm run bench -- failover`.',
    '',
    ...SCENARIOS.map((scenario) => `- \`${scenario}\`: ${TEXTS[scenario]}.`),
    '',
    '![local share over time](performance/failover.svg)',
    '',
    '| scenario | system | failed | p99 ms in it | worst ms | recovered ms | home ms | early |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
  );
  for (const scenario of SCENARIOS) {
    for (const system of SYSTEMS) {
      const figures = result[scenario][system];
      if (figures === null) continue;
      const { failed, p99Ms, worstMs, recoveredMs, homeMs, homeEarly } = figures;
      lines.push(
        `| ${scenario} | ${system} | ${failed} | ${p99Ms} | ${worstMs} | ${recoveredMs} | ${homeMs ?? 'never'} | ${homeEarly} |`,
      );
    }
  }
  return lines;
}
