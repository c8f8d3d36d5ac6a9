/**
 * wrk as a generator, with requests that differ and answers that are verified (`wrk.lua`).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Address } from '#core/network.ts';
import { cpuMs } from './cpu.ts';
import type { LoadResult } from './load/meter.ts';
import { findProgram, ProgramError, type Programs, versionOf } from './programs.ts';
import { requestTable } from './traffic.ts';

const SCRIPT = fileURLToPath(new URL('./wrk.lua', import.meta.url));
/** wrk counts in whole seconds; it is told to stop before. */
const LONGEST = '600s';
/** What reaches wrk while it starts its threads is forgotten in the sleep that follows: it is told again. */
const AGAIN_MS = 500;

/** See the file header. */
export class Wrk {
  readonly version: string;
  readonly #path: string;
  readonly #table: string;
  readonly #programs: Programs;

  constructor(programs: Programs, directory: string) {
    this.#path = findProgram('wrk', 'wrk');
    this.version = versionOf(this.#path, '-v');
    this.#table = join(directory, 'requests.txt');
    this.#programs = programs;
    writeFileSync(this.#table, requestTable());
  }

  /** Closed loops on `connections` for `measureMs`; everything it asks is counted. */
  async run(
    target: Address,
    connections: number,
    pids: readonly number[],
    measureMs: number,
  ): Promise<LoadResult> {
    const beforeMs = cpuMs(pids);
    const wrk = this.#programs.startForeign(this.#path, [
      '--threads=1',
      `--connections=${connections}`,
      `--duration=${LONGEST}`,
      '--timeout=10s',
      `--script=${SCRIPT}`,
      `http://${target.host}:${target.port}/`,
      '--',
      this.#table,
    ]);
    let output = '';
    wrk.process.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const closed = new Promise<void>((resolve) => wrk.process.once('close', () => resolve()));
    const interrupt = () => wrk.process.kill('SIGINT');
    let again: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => {
      interrupt();
      again = setInterval(interrupt, AGAIN_MS);
    }, measureMs);
    await closed;
    clearTimeout(timer);
    clearInterval(again);
    const spentMs = cpuMs(pids) - beforeMs;
    const found = /^RESULT (\{.*\})$/m.exec(output)?.[1];
    if (found === undefined) throw new ProgramError(`wrk failed: ${output}${wrk.said()}`);
    return { bytes: 0, ...JSON.parse(found), cpuMs: spentMs } as LoadResult;
  }
}
