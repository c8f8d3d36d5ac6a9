/**
 * The live view of `isthmus dev`: one screen of 80 × 24 from what is known now. pure
 */
import { type Paint, table, visibleLength } from '../output.ts';
import type { TrafficStatistics } from './statistics.ts';

/** A link as one cluster's gateway sees it. */
export interface LinkState {
  readonly clusterName: string;
  readonly connected: boolean;
  readonly roundTripMs: number | null;
  readonly error: string | null;
}

/** One cluster as the view shows it. */
export interface ClusterState {
  readonly name: string;
  readonly apiServer: string;
  /** Gateway pods by address; a killed one stays in the list. */
  readonly gateways: readonly { readonly host: string; readonly alive: boolean }[];
  readonly links: readonly LinkState[];
  readonly mirrors: readonly {
    readonly name: string;
    readonly reaches: string;
    readonly address: string;
  }[];
}

export interface ViewState {
  readonly clusters: readonly ClusterState[];
  readonly upSeconds: number;
  readonly target: string;
  /** `undefined` while the Service does not exist. */
  readonly targetAddress: string | undefined;
  /** What to do when it does not. */
  readonly targetNext: string;
  readonly requestsPerSecond: number;
  readonly traffic: TrafficStatistics;
  readonly total: number;
  readonly failed: number;
  /** Folder of the kubeconfigs, relative to where the command runs. */
  readonly directory: string;
}

const MIRRORS_SHOWN = 6;
const BAR_WIDTH = 40;

/** The screen, at most `rows` lines of `columns` characters. */
export function renderView(
  state: ViewState,
  size: { readonly columns: number; readonly rows: number },
  paint: Paint,
): string[] {
  const lines = [
    heading(state, size.columns, paint),
    '',
    ...clusterLines(state, paint),
    '',
    ...mirrorLines(state, paint),
    '',
    ...trafficLines(state, paint),
    '',
    ...hints(state, paint),
  ];
  return lines.slice(0, size.rows).map((line) => clip(line, size.columns));
}

function heading(state: ViewState, columns: number, paint: Paint): string {
  const title = paint('bold', 'isthmus dev');
  const right = `up ${duration(state.upSeconds)}  Ctrl-C ends`;
  const gap = Math.max(2, columns - visibleLength(title) - right.length);
  return title + ' '.repeat(gap) + paint('dim', right);
}

function clusterLines(state: ViewState, paint: Paint): string[] {
  const rows = state.clusters.map((each) => [
    paint('cyan', each.name),
    each.apiServer.replace('https://', ''),
    each.gateways
      .map(({ host, alive }) => (alive ? host : paint('red', `${host} dead`)))
      .join(' ') || '-',
    each.links.map((link) => linkText(link, paint)).join(' ') || paint('dim', 'not linked'),
  ]);
  return table(['CLUSTER', 'API SERVER', 'GATEWAYS', 'LINK'], rows).split('\n');
}

function linkText(link: LinkState, paint: Paint): string {
  if (!link.connected) return paint('red', `✗ ${link.clusterName}`);
  const roundTrip = link.roundTripMs === null ? '' : ` ${link.roundTripMs.toFixed(1)} ms`;
  return `${paint('green', '✓')} ${link.clusterName}${roundTrip}`;
}

function mirrorLines(state: ViewState, paint: Paint): string[] {
  const all = state.clusters.flatMap((cluster) =>
    cluster.mirrors.map((each) => [
      paint('cyan', cluster.name),
      each.name,
      each.reaches,
      each.address,
    ]),
  );
  if (all.length === 0) return [paint('dim', 'no mirrored services')];
  const shown = table(
    ['CLUSTER', 'MIRRORED SERVICE', 'REACHES', 'ADDRESS'],
    all.slice(0, MIRRORS_SHOWN),
  );
  const more = all.length - MIRRORS_SHOWN;
  return [
    ...shown.split('\n'),
    ...(more > 0 ? [paint('dim', `… and ${more} more: isthmus services`)] : []),
  ];
}

function trafficLines(state: ViewState, paint: Paint): string[] {
  const { traffic, total, failed } = state;
  const success =
    traffic.successRate === null ? '-' : `${(traffic.successRate * 100).toFixed(2)} %`;
  const good = traffic.successRate === 1 ? 'green' : 'yellow';
  return [
    `TRAFFIC  ${state.requestsPerSecond} GETs a second to ${state.target}`,
    `  ${traffic.requestsPerSecond}/s  success ${paint(good, success)}  ` +
      `p50 ${milliseconds(traffic.p50Ms)}  p99 ${milliseconds(traffic.p99Ms)}  ` +
      `${total} sent, ${failed} failed`,
    ...state.clusters.map(({ name }) => {
      const share = traffic.shares.find(([cluster]) => cluster === name)?.[1] ?? 0;
      const filled = Math.round(share * BAR_WIDTH);
      const bar = '█'.repeat(filled) + paint('dim', '░'.repeat(BAR_WIDTH - filled));
      return `  ${name.padEnd(6)} ${bar} ${(share * 100).toFixed(1).padStart(5)} %`;
    }),
  ];
}

function hints(state: ViewState, paint: Paint): string[] {
  const { directory, targetAddress } = state;
  return [
    targetAddress === undefined ? paint('yellow', reachText(state)) : reachText(state),
    `kubectl --kubeconfig ${directory}/kubeconfig --context west get pods -A`,
    paint('dim', `kubeconfigs: ${directory}/{west,east}.kubeconfig and ${directory}/kubeconfig`),
  ];
}

/** How the target is reached, or why it is not. */
export function reachText({
  target,
  targetAddress,
  targetNext,
}: Pick<ViewState, 'target' | 'targetAddress' | 'targetNext'>): string {
  return targetAddress === undefined
    ? `${target} does not exist: ${targetNext}`
    : `curl http://${targetAddress}/`;
}

/** One line for a log that is no terminal. */
export function trafficLine(
  state: Pick<
    ViewState,
    'traffic' | 'total' | 'failed' | 'target' | 'targetAddress' | 'targetNext'
  >,
): string {
  const { traffic, total, failed, targetAddress } = state;
  const success =
    traffic.successRate === null ? '-' : `${(traffic.successRate * 100).toFixed(2)} %`;
  const shares = traffic.shares.map(([name, share]) => `${name} ${(share * 100).toFixed(1)} %`);
  const nobody = targetAddress === undefined ? reachText(state) : 'nobody answered';
  return (
    `traffic ${traffic.requestsPerSecond}/s success ${success} p50 ${milliseconds(traffic.p50Ms)} ` +
    `p99 ${milliseconds(traffic.p99Ms)} sent ${total} failed ${failed}: ${shares.join(', ') || nobody}`
  );
}

function milliseconds(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(1)} ms`;
}

function duration(seconds: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${two(seconds / 60)}:${two(seconds % 60)}`;
}

/** Cuts a line to `columns` characters on the screen; colours are closed again. */
function clip(line: string, columns: number): string {
  if (visibleLength(line) <= columns) return line;
  let kept = '';
  let length = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC begins a colour sequence.
  for (const part of line.split(/(\x1b\[\d+m)/)) {
    if (part.startsWith('\x1b')) {
      kept += part;
      continue;
    }
    const room = Math.max(0, columns - 1 - length);
    kept += part.length > room ? `${part.slice(0, room)}${length < columns ? '…' : ''}` : part;
    length += part.length;
    if (length >= columns) break;
  }
  return `${kept}\x1b[0m`;
}
