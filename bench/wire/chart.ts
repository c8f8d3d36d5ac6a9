/**
 * Pictures of the wire bench: one SVG of bars per scenario, readable on light and dark pages. pure
 */
import type { SystemFigures, WireFigures } from './result.ts';
import { SCENARIO, type ScenarioName } from './scenarios.ts';
import { SYSTEMS, type SystemName } from './systems.ts';

const WIDTH = 640;
const LABEL_WIDTH = 90;
const BAR_WIDTH_MAX = 400;
const BAR_HEIGHT = 26;
const ROW_HEIGHT = 38;
const TOP = 46;

/** Names as people write them. */
export const TITLES: Readonly<Record<SystemName, string>> = {
  isthmus: 'Isthmus',
  haproxy: 'HAProxy',
  nginx: 'nginx',
};

/** File name without suffix → SVG, for every scenario that was measured. */
export function wirePictures(figures: WireFigures | undefined): ReadonlyMap<string, string> {
  const pictures = new Map<string, string>();
  for (const [name, systems] of Object.entries(figures?.scenarios ?? {})) {
    if (systems.isthmus) pictures.set(name, picture(name as ScenarioName, systems));
  }
  return pictures;
}

/** What a system did per CPU-second; null when it was not measured. */
export function rateOf(figures: SystemFigures | null): number | null {
  return figures?.requestsPerCpuSecond ?? figures?.megabytesPerCpuSecond ?? null;
}

function picture(
  name: ScenarioName,
  systems: Readonly<Record<SystemName, SystemFigures | null>>,
): string {
  const { title, inBytes } = SCENARIO[name];
  const unit = inBytes ? 'MB per CPU-second' : 'requests per CPU-second';
  const most = Math.max(1, ...SYSTEMS.map((each) => rateOf(systems[each]) ?? 0));
  const rows = SYSTEMS.flatMap((system, index) => {
    const rate = rateOf(systems[system]);
    const y = TOP + index * ROW_HEIGHT;
    const width = Math.round(((rate ?? 0) / most) * BAR_WIDTH_MAX);
    const text = rate === null ? 'no figure' : rate.toLocaleString('en-US');
    return [
      `  <text class="name" x="${LABEL_WIDTH - 10}" y="${y + 18}" text-anchor="end">${TITLES[system]}</text>`,
      `  <rect class="${system === 'isthmus' ? 'own' : 'other'}" x="${LABEL_WIDTH}" y="${y}" width="${width}" height="${BAR_HEIGHT}" rx="3"/>`,
      `  <text class="figure" x="${LABEL_WIDTH + width + 8}" y="${y + 18}">${text}</text>`,
    ];
  });
  const height = TOP + SYSTEMS.length * ROW_HEIGHT + 8;
  const label = SYSTEMS.map((each) => `${TITLES[each]} ${rateOf(systems[each]) ?? 'none'}`);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}: ${unit}: ${label.join(', ')}">`,
    '  <style>',
    '    text { font: 14px system-ui, sans-serif; fill: #1f2328; }',
    '    .title { font-weight: 600; }',
    '    .unit { font-size: 12px; fill: #59636e; }',
    '    .own { fill: #0969da; }',
    '    .other { fill: #8c959f; }',
    '    @media (prefers-color-scheme: dark) {',
    '      text { fill: #e6edf3; }',
    '      .unit { fill: #9198a1; }',
    '      .own { fill: #4493f8; }',
    '      .other { fill: #656c76; }',
    '    }',
    '  </style>',
    `  <text class="title" x="${LABEL_WIDTH}" y="18">${title}</text>`,
    `  <text class="unit" x="${LABEL_WIDTH}" y="36">${unit} of the pair; more is better</text>`,
    ...rows,
    '</svg>',
  ].join('\n')}\n`;
}
