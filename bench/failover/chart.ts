/**
 * The picture of the failover bench: how much the local cluster answers, while pods fail and after they come
 * back; readable on light and dark pages. pure
 */
import type { FailoverRun } from './bench.ts';
import { BUCKET_MS } from './result.ts';
import { SCENARIOS, type ScenarioName, SYSTEMS, type SystemName, TIMES } from './scenarios.ts';

const WIDTH = 760;
const ROW_HEIGHT = 108;
const PLOT = { left: 110, right: 700, height: 70 };
const TOP = 56;
const COLOURS: Readonly<Record<SystemName, string>> = { isthmus: '#0969da', haproxy: '#bc4c00' };

/** File name without suffix → SVG; nothing where nothing ran. */
export function failoverPictures(run: FailoverRun | undefined): ReadonlyMap<string, string> {
  return run === undefined ? new Map() : new Map([['failover', picture(run)]]);
}

function picture({ shares }: FailoverRun): string {
  const height = TOP + SCENARIOS.length * ROW_HEIGHT + 20;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Share of requests answered by the local cluster, while something fails from second 3 to 8">`,
    '  <style>',
    '    text { font: 13px system-ui, sans-serif; fill: #1f2328; }',
    '    .title { font-size: 15px; font-weight: 600; }',
    '    .faint { font-size: 12px; fill: #59636e; }',
    '    .grid { stroke: #d1d9e0; }',
    '    .fault { fill: #cf222e; opacity: 0.1; }',
    '    .line { fill: none; stroke-width: 2; stroke-linejoin: round; }',
    '    @media (prefers-color-scheme: dark) {',
    '      text { fill: #e6edf3; }',
    '      .faint { fill: #9198a1; }',
    '      .grid { stroke: #3d444d; }',
    '      .line { filter: brightness(1.35); }',
    '      .fault { opacity: 0.22; }',
    '    }',
    '  </style>',
    '  <text class="title" x="10" y="22">Share of requests answered by the local cluster</text>',
    `  <text class="faint" x="10" y="42">${SYSTEMS.map((each) => `${each === 'isthmus' ? 'blue: Isthmus' : 'orange: HAProxy'}`).join(', ')}; shaded: while it fails</text>`,
    ...SCENARIOS.flatMap((scenario, row) => rowOf(scenario, row, shares[scenario] ?? {})),
    '</svg>',
  ].join('\n')}\n`;
}

function rowOf(
  scenario: ScenarioName,
  row: number,
  shares: Readonly<Partial<Record<SystemName, readonly number[]>>>,
): string[] {
  const top = TOP + row * ROW_HEIGHT;
  const bottom = top + PLOT.height;
  const x = (ms: number) => Math.round(PLOT.left + (ms / TIMES.endMs) * (PLOT.right - PLOT.left));
  const lines = SYSTEMS.flatMap((system) => {
    const values = shares[system];
    if (values === undefined) return [];
    const points = values.map((share, at) => {
      const middleMs = (at + 0.5) * BUCKET_MS;
      return `${x(middleMs)},${Math.round(bottom - share * PLOT.height)}`;
    });
    return [`  <polyline class="line" stroke="${COLOURS[system]}" points="${points.join(' ')}"/>`];
  });
  return [
    `  <text x="10" y="${top + PLOT.height / 2 + 4}">${scenario}</text>`,
    `  <rect class="fault" x="${x(TIMES.faultMs)}" y="${top}" width="${x(TIMES.healMs) - x(TIMES.faultMs)}" height="${PLOT.height}"/>`,
    `  <line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${top}" y2="${top}"/>`,
    `  <line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${bottom}" y2="${bottom}"/>`,
    `  <text class="faint" x="${PLOT.right + 8}" y="${top + 5}">100 %</text>`,
    `  <text class="faint" x="${PLOT.right + 8}" y="${bottom + 4}">0 %</text>`,
    `  <text class="faint" x="${PLOT.left}" y="${bottom + 17}">0 s</text>`,
    `  <text class="faint" x="${PLOT.right}" y="${bottom + 17}" text-anchor="end">${TIMES.endMs / 1_000} s</text>`,
    ...lines,
  ];
}
