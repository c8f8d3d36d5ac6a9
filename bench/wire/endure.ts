/**
 * `npm run bench -- endure [--requests N]`: whether a pair of gateways grows, however many requests it carries.
 *
 * Requests that all differ, over 128 connections made anew every few seconds; resident memory of all
 * processes of the pair is read after each of these spells.
 */

import type { Io } from '#cli/io.ts';
import { median } from '#core/figures.ts';
import { processTree, rssMb } from '../kit/cpu.ts';
import { measure, onStage } from './bench.ts';
import { startIsthmus } from './isthmus.ts';
import { SCENARIO } from './scenarios.ts';
import { Wrk } from './wrk.ts';

const SPELL_MS = 10_000;
/** Spells at either end that are compared; the first of all warms the gateways up. */
const COMPARED = 5;

/** What the pair carried, and what it took. */
export interface EndureFigures {
  readonly requests: number;
  readonly errors: number;
  /** Medians of the first spells after one to warm up, and of the last ones. */
  readonly rssMbAtFirst: number;
  readonly rssMbAtLast: number;
  /** After each spell. */
  readonly rssMb: readonly number[];
}

/** Carries `requests`, and a few more until the spell is over. */
export async function benchEndure(io: Io, requests: number): Promise<EndureFigures> {
  return onStage(io, async (stage) => {
    const wrk = new Wrk(stage.programs, stage.directory, io.clock);
    const pair = await startIsthmus(io, stage.directory, stage.host(0));
    try {
      const memory: number[] = [];
      let count = 0;
      let errors = 0;
      while (count < requests || memory.length < 1 + COMPARED) {
        io.signal.throwIfAborted();
        const spell = await measure(stage, wrk, pair, SCENARIO['h1-c128'], SPELL_MS);
        count += spell.count;
        errors += spell.errors;
        memory.push(rssMb(processTree(pair.roots)));
        io.err(`${count} requests, ${errors} errors, ${memory.at(-1)} MB\n`);
      }
      return {
        ...{ requests: count, errors, rssMb: memory },
        rssMbAtFirst: median(memory.slice(1, 1 + COMPARED)) ?? Number.NaN,
        rssMbAtLast: median(memory.slice(-COMPARED)) ?? Number.NaN,
      };
    } finally {
      await pair.stop();
    }
  });
}
