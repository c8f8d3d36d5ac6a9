/**
 * wrk as a generator, with requests that differ and answers that are verified (`wrk.lua`).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, sleep } from '#core/clock.ts';
import type { Address } from '#core/network.ts';
import { cpuMs } from '../kit/cpu.ts';
import { findProgram, ProgramError, type Programs, versionOf } from '../kit/programs.ts';
import type { LoadResult } from './load/meter.ts';
import { requestTable } from './traffic.ts';

const SCRIPT = fileURLToPath(new URL('./wrk.lua', import.meta.url));
/** wrk counts in whole seconds; it is told to stop before. */
const LONGEST = '600s';
/** It starts, reads its table and opens its connections within this. */
const START_MS = 120;
/** What reaches wrk while it starts its threads is forgotten in the sleep that follows: it is told again. */
const AGAIN_MS = 500;

/** See the file header. */
export class Wrk {
  readonly version: string;
  readonly #path: string;
  readonly #table: string;
  readonly #programs: Programs;
  readonly #clock: Clock;

  constructor(programs: Programs, directory: string, clock: Clock) {
    this.#path = findProgram('wrk', 'wrk');
    this.version = versionOf(this.#path, '-v');
    this.#table = join(directory, 'requests.txt');
    this.#programs = programs;
    this.#clock = clock;
    writeFileSync(this.#table, requestTable());
  }

  /** Closed loops on `connections`; what is answered, and spent, in the `measureMs` after they are open counts. */
  async run(
    target: Address,
    connections: number,
    pids: readonly number[],
    measureMs: number,
  ): Promise<LoadResult> {
    const clock = this.#clock;
    const fromMs = clock.wallMs() + START_MS;
    const toMs = fromMs + measureMs;
    const wrk = this.#programs.startForeign(this.#path, [
      '--threads=1',
      `--connections=${connections}`,
      `--duration=${LONGEST}`,
      '--timeout=10s',
      `--script=${SCRIPT}`,
      `http://${target.host}:${target.port}/`,
      '--',
      this.#table,
      String(fromMs),
      String(toMs),
    ]);
    let output = '';
    wrk.process.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const closed = new Promise<void>((resolve) => wrk.process.once('close', () => resolve()));
    const interrupt = () => wrk.process.kill('SIGINT');
    await Promise.race([closed, sleep(clock, fromMs - clock.wallMs())]);
    const beforeMs = cpuMs(pids);
    await Promise.race([closed, sleep(clock, toMs - clock.wallMs())]);
    const spentMs = cpuMs(pids) - beforeMs;
    interrupt();
    const again = setInterval(interrupt, AGAIN_MS);
    await closed;
    clearInterval(again);
    const found = /^RESULT (\{.*\})$/m.exec(output)?.[1];
    if (found === undefined) throw new ProgramError(`wrk failed: ${output}${wrk.said()}`);
    return { bytes: 0, ...JSON.parse(found), cpuMs: spentMs } as LoadResult;
  }
}
