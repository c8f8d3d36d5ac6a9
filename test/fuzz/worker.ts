/**
 * A process that runs jobs of the fuzzers, one after the other, as its parent sends them.
 *
 * A job marked `careful` announces every input on descriptor 4 before it begins, so that the parent knows which one
 * never ended, or took the process with it.
 */
import { writeSync } from 'node:fs';
import { fuzzHpack } from './hpack.ts';
import { fuzzHttp1 } from './http1.ts';
import { fuzzHttp2 } from './http2.ts';
import type { Codec, FuzzReport, Job } from './report.ts';

/** A job as it is sent. */
export interface Order {
  readonly codec: Codec;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly careful: boolean;
}

/** Runs `job` of `codec`. */
export function fuzz(codec: Codec, job: Job): FuzzReport | Promise<FuzzReport> {
  if (codec === 'http1') return fuzzHttp1(job);
  return codec === 'hpack' ? fuzzHpack(job) : fuzzHttp2(job);
}

/** Where a careful job announces its inputs. */
export const ANNOUNCE_FD = 4;

/** Answers the parent's orders with what `run` makes of them, until the parent is gone. */
export function serveParent(run: typeof fuzz = fuzz): void {
  // Ctrl-C reaches the whole group; the parent decides when this process ends.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit());
  process.on('message', async ({ codec, careful, ...range }: Order) => {
    const onInput = (index: number) => writeSync(ANNOUNCE_FD, `${index}\n`);
    process.send?.(await run(codec, careful ? { ...range, onInput } : range));
  });
  process.send?.('ready');
}

if (import.meta.main) serveParent();
