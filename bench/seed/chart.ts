/**
 * Pictures of the seed bench: latency second by second on a logarithmic scale, and percentiles beside it;
 * readable on light and dark pages. pure
 */
import type { SeedRun } from './bench.ts';
import { EXPERIMENTS, type ExperimentName, POLICIES, type PolicyName } from './experiment.ts';
import type { SeedFigures, SeedSecond } from './result.ts';

const WIDTH = 860;
const HEIGHT = 380;
const PLOT = { left: 64, right: 560, top: 58, bottom: 330 };
const TABLE_X = 590;
const ROW_HEIGHT = 30;
/** The scale, in ms. */
const FLOOR_MS = 0.5;
const CEILING_MS = 5_000;
const MARKS_MS = [1, 10, 100, 1_000] as const;

const TITLES: Readonly<Record<ExperimentName, string>> = {
  policies: 'Ten servers of 0 to 2,000 ms, two of them failing',
  capacityLimited: 'The same, one request at a time, 300 a second',
};
const COLOURS: Readonly<Record<PolicyName, string>> = {
  isthmus: '#0969da',
  oracle: '#1a7f37',
  'round-robin': '#cf222e',
  'haproxy-leastconn': '#bc4c00',
  'haproxy-random2': '#bf8700',
  'nginx-least-conn': '#8250df',
};

/** File name without suffix → SVG; nothing where nothing ran. */
export function seedPictures(run: SeedRun | undefined): ReadonlyMap<string, string> {
  const pictures = new Map<string, string>();
  if (run === undefined) return pictures;
  for (const experiment of EXPERIMENTS) {
    const { figures, seconds } = run;
    pictures.set(
      `seed-${experiment}`,
      picture(TITLES[experiment], figures[experiment], seconds[experiment]),
    );
  }
  return pictures;
}

function picture(
  title: string,
  figures: Readonly<Record<PolicyName, SeedFigures>>,
  seconds: Readonly<Record<PolicyName, readonly SeedSecond[]>>,
): string {
  const count = Math.max(2, ...POLICIES.map((policy) => seconds[policy].length));
  const label = POLICIES.map((policy) => `${policy} ${figures[policy].p99Ms}`).join(', ');
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${title}: p99 in ms: ${label}">`,
    '  <style>',
    '    text { font: 13px system-ui, sans-serif; fill: #1f2328; }',
    '    .title { font-size: 15px; font-weight: 600; }',
    '    .faint { font-size: 12px; fill: #59636e; }',
    '    .grid { stroke: #d1d9e0; }',
    '    .line { fill: none; stroke-width: 2; stroke-linejoin: round; }',
    '    @media (prefers-color-scheme: dark) {',
    '      text { fill: #e6edf3; }',
    '      .faint { fill: #9198a1; }',
    '      .grid { stroke: #3d444d; }',
    '      .line, .key { filter: brightness(1.35); }',
    '    }',
    '  </style>',
    `  <text class="title" x="${PLOT.left}" y="22">${title}</text>`,
    `  <text class="faint" x="${PLOT.left}" y="42">p99 of each second, ms; less is better</text>`,
    ...grid(count),
    ...POLICIES.map((policy) => line(policy, seconds[policy], count)),
    ...table(figures),
    '</svg>',
  ].join('\n')}\n`;
}

function grid(count: number): string[] {
  const marks = MARKS_MS.flatMap((mark) => {
    const y = yOf(mark);
    return [
      `  <line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y}" y2="${y}"/>`,
      `  <text class="faint" x="${PLOT.left - 8}" y="${y + 4}" text-anchor="end">${mark.toLocaleString('en-US')}</text>`,
    ];
  });
  const last = count - 1;
  return [
    ...marks,
    `  <text class="faint" x="${PLOT.left}" y="${PLOT.bottom + 20}">0 s</text>`,
    `  <text class="faint" x="${PLOT.right}" y="${PLOT.bottom + 20}" text-anchor="end">${last} s</text>`,
  ];
}

function line(policy: PolicyName, seconds: readonly SeedSecond[], count: number): string {
  const points = seconds.flatMap(({ second, p99Ms }) => {
    if (p99Ms === 0) return [];
    const x = PLOT.left + (second / (count - 1)) * (PLOT.right - PLOT.left);
    return [`${x.toFixed(1)},${yOf(p99Ms)}`];
  });
  return `  <polyline class="line" stroke="${COLOURS[policy]}" points="${points.join(' ')}"/>`;
}

function table(figures: Readonly<Record<PolicyName, SeedFigures>>): string[] {
  const rows = POLICIES.flatMap((policy, index) => {
    const { p50Ms, p95Ms, p99Ms } = figures[policy];
    const y = PLOT.top + 24 + index * ROW_HEIGHT * 1.4;
    return [
      `  <rect class="key" x="${TABLE_X}" y="${y - 10}" width="12" height="12" rx="2" fill="${COLOURS[policy]}"/>`,
      `  <text x="${TABLE_X + 20}" y="${y}">${policy}</text>`,
      `  <text class="faint" x="${TABLE_X + 20}" y="${y + 17}">p50 ${p50Ms} · p95 ${p95Ms} · p99 ${p99Ms} ms</text>`,
    ];
  });
  return rows;
}

function yOf(ms: number): number {
  const within = Math.min(CEILING_MS, Math.max(FLOOR_MS, ms));
  const share = Math.log(within / FLOOR_MS) / Math.log(CEILING_MS / FLOOR_MS);
  return Math.round(PLOT.bottom - share * (PLOT.bottom - PLOT.top));
}
