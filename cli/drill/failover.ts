/**
 * How long the failovers and failbacks of a drill took: one of each for every fault, and the worst of them. pure
 */
import type { RequestRecord } from './record.ts';

/** One fault, in monotonic milliseconds. */
export interface FaultTimes {
  /** The number of its step. */
  readonly step: number;
  /** When it was asked for. */
  readonly faultMs: number;
  /** When its step ended. */
  readonly endMs: number;
  /** Whether it takes local pods away, so that they have to come back. */
  readonly takesPods: boolean;
  /** When the first local pod was ready again, if it was. */
  readonly localReadyMs: number | undefined;
}

/** What one fault led to; `null`: it never came, or was not called for. */
export interface Failover {
  readonly failoverMs: number | null;
  readonly failbackMs: number | null;
  /** Those that were called for and never came. */
  readonly missing: readonly ('failover' | 'failback')[];
}

const WINDOW_MS = 1_000;
const HOME_SHARE = 0.95;

/** What each of `faults` led to, in their order; `byEnd`: every request, by its end. */
export function failovers(
  byEnd: readonly RequestRecord[],
  faults: readonly FaultTimes[],
  home: string,
): Failover[] {
  return faults.map((fault, index): Failover => {
    const { faultMs, localReadyMs, takesPods } = fault;
    // What comes after the next fault is that one's.
    const untilMs = faults[index + 1]?.faultMs ?? Number.POSITIVE_INFINITY;
    const own = byEnd.filter((each) => each.endMs > faultMs && each.endMs <= untilMs);
    const failoverMs = measureFailover(own, faultMs, home);
    const failbackMs = localReadyMs === undefined ? null : measureFailback(own, localReadyMs, home);
    const noFailover = failoverMs === null && !servesAtEnd(byEnd, fault, home);
    const noFailback = failbackMs === null && takesPods;
    return {
      failoverMs,
      failbackMs,
      missing: [
        ...(noFailover ? ['failover' as const] : []),
        ...(noFailback ? ['failback' as const] : []),
      ],
    };
  });
}

/** The worst of each; `null` where one that was called for never came, or none was. */
export function worstOf(measured: readonly Failover[]): Omit<Failover, 'missing'> {
  const isMissing = (what: 'failover' | 'failback') =>
    measured.some(({ missing }) => missing.includes(what));
  return {
    failoverMs: isMissing('failover') ? null : worst(measured.map((each) => each.failoverMs)),
    failbackMs: isMissing('failback') ? null : worst(measured.map((each) => each.failbackMs)),
  };
}

function worst(values: readonly (number | null)[]): number | null {
  const known = values.filter((each) => each !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** Whether home still answered in the last second of the fault's step: then nobody had to go elsewhere. */
function servesAtEnd(
  byEnd: readonly RequestRecord[],
  { endMs }: FaultTimes,
  home: string,
): boolean {
  return byEnd.some(
    (each) => each.cluster === home && each.endMs > endMs - WINDOW_MS && each.endMs <= endMs,
  );
}

/**
 * From the fault until the first moment after which every answer of the next second succeeds, from
 * another cluster; `null` when that never comes. The moment is that of the first such answer: before
 * it nobody could have seen that the service is back.
 */
function measureFailover(
  own: readonly RequestRecord[],
  faultMs: number,
  home: string,
): number | null {
  let firstGoodMs: number | undefined;
  for (const { endMs, cluster } of own) {
    if (firstGoodMs !== undefined && endMs > firstGoodMs + WINDOW_MS) break;
    if (cluster === undefined || cluster === home) firstGoodMs = undefined;
    else firstGoodMs ??= endMs;
  }
  const lastMs = own.at(-1)?.endMs ?? 0;
  // A second that was cut off by the drill's end proves nothing.
  if (firstGoodMs === undefined || lastMs < firstGoodMs + WINDOW_MS) return null;
  return Number((firstGoodMs - faultMs).toFixed(1));
}

/** From the first local pod ready until the local share over one second is home again. */
function measureFailback(
  own: readonly RequestRecord[],
  localReadyMs: number,
  home: string,
): number | null {
  let from = 0;
  let local = 0;
  let total = 0;
  for (const each of own) {
    if (each.cluster === undefined) continue;
    total += 1;
    if (each.cluster === home) local += 1;
    for (let oldest = own[from]; oldest && oldest.endMs <= each.endMs - WINDOW_MS; ) {
      if (oldest.cluster !== undefined) total -= 1;
      if (oldest.cluster === home) local -= 1;
      from += 1;
      oldest = own[from];
    }
    const atMs = each.endMs - localReadyMs;
    if (atMs > 0 && total > 0 && local / total >= HOME_SHARE) return Number(atMs.toFixed(1));
  }
  return null;
}
