/**
 * Requests, counted without allocating: plain numbers on the data path, and only until they are told.
 *
 * The process that looks after the workers adds up what it is told (`request-totals.ts`), so nothing has to be remembered
 * here: what was told begins anew, and what counted nothing for a while is let go.
 */
import type { RequestReport } from '../http/route.ts';

/** Upper bounds of the buckets of latencies, in seconds; one more has none. */
export const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/**
 * Kinds of answers of one service by one cluster that are told apart; others count by their hundred. A pod may answer with any
 * status, another one each time.
 */
export const ANSWERS_MAX = 64;
/** A cell that counted nothing for so long is made again when it does. */
export const IDLE_MS = 60_000;

/** A status, or, from 1 to 9, all of that hundred that are not told apart; what we said of it; how often. */
export type AnswerCount = readonly [status: number, code: string, count: number];

/** What was counted of one service as one cluster answers it, since it was last told. */
export interface RequestRow {
  readonly service: string;
  /** Empty where nobody answered. */
  readonly cluster: string;
  readonly answers: readonly AnswerCount[];
  /** By upper bound, not summed up. */
  readonly buckets: readonly number[];
  readonly sumSeconds: number;
  readonly retries: number;
  readonly hedges: number;
  /** Opaque connections. */
  readonly carried: number;
  readonly failed: number;
}

class Cell {
  readonly buckets = new Array<number>(BUCKETS_S.length + 1).fill(0);
  readonly statuses = new Map<number, number>();
  readonly codes = new Map<string, number>();
  sumSeconds = 0;
  count = 0;
  retries = 0;
  hedges = 0;
  carried = 0;
  failed = 0;
  toldMs = 0;

  /** What it has counted; it begins anew. */
  take(service: string, cluster: string): RequestRow {
    const { sumSeconds, retries, hedges, carried, failed } = this;
    const answers: AnswerCount[] = [];
    for (const [status, count] of this.statuses) answers.push([status, '', count]);
    for (const [key, count] of this.codes) {
      const at = key.indexOf(' ');
      answers.push([Number(key.slice(0, at)), key.slice(at + 1), count]);
    }
    const buckets = this.buckets.slice();
    this.buckets.fill(0);
    this.statuses.clear();
    this.codes.clear();
    this.sumSeconds = 0;
    this.count = 0;
    this.retries = 0;
    this.hedges = 0;
    this.carried = 0;
    this.failed = 0;
    return { service, cluster, answers, buckets, sumSeconds, retries, hedges, carried, failed };
  }
}

export class RequestMetrics {
  readonly #cells = new Map<string, Map<string, Cell>>();

  /** Counts one finished request or connection. */
  count(report: RequestReport): void {
    const cell = this.#cell(report.service, report.cluster ?? '');
    if (report.opaque) {
      if (report.code === undefined) cell.carried += 1;
      else cell.failed += 1;
      return;
    }
    const { status, code, attempts, hedges } = report;
    if (code === undefined) {
      const known = cell.statuses.get(status);
      if (known !== undefined) cell.statuses.set(status, known + 1);
      else countNew(cell.statuses, status, hundred(status));
    } else {
      const key = `${status} ${code}`;
      const known = cell.codes.get(key);
      if (known !== undefined) cell.codes.set(key, known + 1);
      else countNew(cell.codes, key, `${hundred(status)} ${code}`);
    }
    const seconds = report.latencyMs / 1_000;
    let at = 0;
    while (at < BUCKETS_S.length && seconds > (BUCKETS_S[at] as number)) at += 1;
    cell.buckets[at] = (cell.buckets[at] as number) + 1;
    cell.sumSeconds += seconds;
    cell.count += 1;
    if (attempts > 1) cell.retries += attempts - 1 - hedges;
    cell.hedges += hedges;
  }

  /**
   * What was counted since this was last asked, row by row: each begins anew when it is taken. `undefined`: one was looked at that
   * has nothing to tell. May be interrupted while more is counted.
   */
  *take(nowMs: number): Generator<RequestRow | undefined> {
    for (const [service, clusters] of this.#cells) {
      for (const [cluster, cell] of clusters) {
        if (cell.count + cell.carried + cell.failed > 0) {
          cell.toldMs = nowMs;
          yield cell.take(service, cluster);
        } else {
          if (nowMs - cell.toldMs >= IDLE_MS) clusters.delete(cluster);
          yield undefined;
        }
      }
      if (clusters.size === 0) this.#cells.delete(service);
    }
  }

  #cell(service: string, cluster: string): Cell {
    let clusters = this.#cells.get(service);
    if (clusters === undefined) {
      clusters = new Map();
      this.#cells.set(service, clusters);
    }
    let cell = clusters.get(cluster);
    if (cell === undefined) {
      cell = new Cell();
      clusters.set(cluster, cell);
    }
    return cell;
  }
}

/** The hundred of `status`, for those that are not told apart. */
export function hundred(status: number): number {
  return Math.trunc(status / 100);
}

/** Counts the first `key`, or `other` where there are enough. */
function countNew<K>(counts: Map<K, number>, key: K, other: K): void {
  const as = counts.size < ANSWERS_MAX ? key : other;
  counts.set(as, (counts.get(as) ?? 0) + 1);
}
