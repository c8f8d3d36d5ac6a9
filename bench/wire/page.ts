/**
 * The part of `docs/performance.md` that compares pairs of gateways. pure
 */
import { rateOf, TITLES } from './chart.ts';
import type { SystemFigures, WireAbout, WireFigures } from './result.ts';
import { SCENARIO, SCENARIOS } from './scenarios.ts';
import { SYSTEMS } from './systems.ts';

/** Lines of Markdown: how it was measured, then a table and a picture per scenario. */
export function wireSection(figures: WireFigures, about: WireAbout): string[] {
  const { haproxy = 'unknown', nginx = 'unknown', wrk = 'unknown' } = about.versions;
  const lines = [
    '',
    '## Side by side',
    '',
    'Client → gateway → mTLS → gateway → backend, for a pair of Isthmus gateways (one replica in each cluster, one worker,',
    `default configuration, JavaScript from \`npm run build\`), of HAProxy ${haproxy} (one thread each) and of nginx ${nginx} (one`,
    'worker each), configured as in `bench/wire/configs/`. TLS 1.3 with AES-128-GCM and certificates verified both ways;',
    'connections are reused; nobody writes an access log. Between its halves Isthmus speaks HTTP/2, HAProxy HTTP/2 (TCP for',
    'opaque bytes), nginx HTTP/1.1 (HTTP/2 for gRPC).',
    '',
    'No two requests in 16,384 are the same (path, `x-request-id`, `traceparent`, cookie), nor are their answers; status and length of',
    'every answer are verified, and its content or checksum (of large bodies and of wrk’s, every eighth).',
    '',
    'CPU is user plus system time of all threads and processes of the pair, from /proc; generators and backend do not count.',
    'The load is steady and its connections are open before the first reading, but wrk’s latencies are of all it asked. They are',
    'those of a machine that generator, backend and pair share.',
    `${figures.rounds} rounds, in each of which every system has its turn, after some time of all traffic for the compiler of JavaScript and a`,
    'moment for the others; figures are medians of the rounds, a ratio is the median of the ratios of each round: above 1, Isthmus',
    'does more with the same CPU.',
    '',
    `Generator: wrk ${wrk}, or the bench’s own where it says so. Command: \`npm run bench -- wire\` (\`--quick --json\` for a short run,`,
    '`--only h1-c16,connect` for some scenarios, `--only h1-c128 --profile DIR` for CPU profiles of both gateways).',
  ];
  for (const name of SCENARIOS) {
    const systems = figures.scenarios[name];
    if (!systems?.isthmus) continue;
    const { title, description, inBytes } = SCENARIO[name];
    const ratios = figures.ratios[name];
    lines.push(
      '',
      `### ${title} (\`${name}\`)`,
      '',
      description,
      '',
      `![${title}](performance/${name}.svg)`,
      '',
      `| | ${inBytes ? 'MB' : 'requests'} per CPU-second | Isthmus against it | p50 ms | p95 ms | p99 ms | errors | memory MB |`,
      '| --- | --- | --- | --- | --- | --- | --- | --- |',
      ...SYSTEMS.map((system) => {
        const ratio = system === 'isthmus' ? undefined : ratios?.[system];
        return row(TITLES[system], systems[system], ratio);
      }),
      ...SYSTEMS.flatMap((system) => {
        const why = about.cannot[`${name} ${system}`];
        return systems[system] || why === undefined
          ? []
          : ['', `No figure of ${TITLES[system]}: ${why}.`];
      }),
    );
  }
  return lines;
}

function row(title: string, figures: SystemFigures | null, ratio: number | null | undefined) {
  if (!figures) return `| ${title} | none | | | | | | |`;
  const { p50Ms, p95Ms, p99Ms, errors, rssMb } = figures;
  const against = typeof ratio === 'number' ? `${ratio.toFixed(2)} ×` : '';
  const ms = (value: number | null) => (value === null ? '' : value.toFixed(2));
  return `| ${title} | ${rateOf(figures)?.toLocaleString('en-US') ?? ''} | ${against} | ${ms(p50Ms)} | ${ms(p95Ms)} | ${ms(p99Ms)} | ${errors} | ${rssMb} |`;
}
