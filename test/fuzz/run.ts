/**
 * A whole run: how many inputs each codec gets, cut into jobs, given to workers, added up.
 */
import { type Codec, FINDINGS_MAX, type FuzzReport, merge, newReport } from './report.ts';
import { WatchedWorker } from './watch.ts';
import type { Order } from './worker.ts';

/** Inputs of one job: a twentieth of a second, whichever codec. */
const JOB_INPUTS: Readonly<Record<Codec, number>> = { http1: 4_000, hpack: 500, http2: 500 };

type Work = Omit<Order, 'careful'>;

/** A tenth each for HPACK and HTTP/2, the rest for HTTP/1. */
export function shares(inputs: number): Readonly<Record<Codec, number>> {
  const tenth = Math.floor(inputs / 10);
  return { http1: inputs - 2 * tenth, hpack: tenth, http2: tenth };
}

/** The jobs of a run, codecs taking turns so that its rate stays the same. */
export function* jobs(inputs: number, seed: number): Generator<Work> {
  const most = shares(inputs);
  const next: Record<Codec, number> = { http1: 0, hpack: 0, http2: 0 };
  for (let left = true; left; ) {
    left = false;
    for (const codec of ['http1', 'hpack', 'http2'] as const) {
      const from = next[codec];
      const to = Math.min(most[codec], from + JOB_INPUTS[codec]);
      if (from === to) continue;
      next[codec] = to;
      left = true;
      yield { codec, seed, from, to };
    }
  }
}

/** What to run, and who hears of it. */
export interface RunOptions {
  readonly inputs: number;
  readonly seed: number;
  readonly workers: number;
  /** Told after each job what is known so far. */
  readonly onJob?: (soFar: FuzzReport) => void;
  /** Ends the run early; what was counted so far is the result. */
  readonly signal?: AbortSignal;
}

/** Runs it; the same inputs and seed give the same report, however many workers. */
export async function runFuzz(options: RunOptions): Promise<FuzzReport> {
  const whole = newReport();
  const queue = jobs(options.inputs, options.seed);
  const workers = Array.from({ length: options.workers }, () => new WatchedWorker());
  const stop = () => {
    for (const worker of workers) worker.stop();
  };
  options.signal?.addEventListener('abort', stop);
  await Promise.all(
    workers.map(async (worker) => {
      for (const job of queue) {
        if (options.signal?.aborted) return;
        const report = await worker.run(job);
        if (options.signal?.aborted) return;
        merge(whole, report);
        options.onJob?.(whole);
      }
    }),
  );
  stop();
  return ordered(whole);
}

/** Rules by name, findings by number, and no more of them than are shown. */
function ordered(report: FuzzReport): FuzzReport {
  const stricter = Object.fromEntries(
    Object.entries(report.stricter).sort(([one], [other]) => (one < other ? -1 : 1)),
  );
  const findings = report.findings
    .toSorted((one, other) => one.codec.localeCompare(other.codec) || one.index - other.index)
    .slice(0, FINDINGS_MAX);
  return { ...report, stricter, findings };
}
