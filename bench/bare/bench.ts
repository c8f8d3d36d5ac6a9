/**
 * `npm run bench -- bare`: how far Node itself goes. A pair that reads nothing of what it carries, and one that reads and
 * writes heads and does nothing else, beside Isthmus and HAProxy in the same rounds: what lies between the first and
 * Isthmus is what a gateway costs in JavaScript, and what lies before the second is what heads cost of that.
 */
import type { Io } from '#cli/io.ts';
import { WORKER_FLAGS } from '#gateway/worker/flags.ts';
import { requirePrograms } from '../kit/programs.ts';
import { onStage, sampleOf } from '../wire/bench.ts';
import { writeCertificates } from '../wire/certificates.ts';
import { startIsthmus } from '../wire/isthmus.ts';
import { HTTP1_PORT } from '../wire/ports.ts';
import { ratioOf, type Sample, type SystemFigures, summarise } from '../wire/result.ts';
import { type RivalPlace, startHaproxy } from '../wire/rivals.ts';
import { SCENARIO } from '../wire/scenarios.ts';
import type { Pair } from '../wire/systems.ts';
import { Wrk } from '../wire/wrk.ts';

const SCENARIOS = ['h1-c16', 'h1-c128'] as const;
const SYSTEMS = ['bare', 'heads', 'isthmus', 'haproxy'] as const;
const WARM_MS = 4_000;

/** How many rounds, and how long each of a system takes. */
export interface BarePace {
  readonly rounds: number;
  readonly roundMs: number;
}

type Of<T> = Record<(typeof SYSTEMS)[number], T>;

/** What a run found; ratios are to HAProxy, medians of the ratios of each round. */
export interface BareFigures {
  readonly scenarios: Record<string, Of<SystemFigures>>;
  readonly ratios: Record<string, Omit<Of<number | null>, 'haproxy'>>;
  readonly rounds: number;
}

/** Measures; progress goes to standard error. */
export async function benchBare(io: Io, { rounds, roundMs }: BarePace): Promise<BareFigures> {
  requirePrograms([
    ['wrk', 'wrk'],
    ['haproxy', 'haproxy'],
  ]);
  return onStage(io, async (stage) => {
    const wrk = new Wrk(stage.programs, stage.directory, io.clock);
    writeCertificates(stage.directory, io.clock.wallMs());
    const place = { programs: stage.programs, directory: stage.directory, pod: stage.host(0) };
    const haproxy = await startHaproxy({ ...place, west: stage.host(1), east: stage.host(2) });
    const bare = await startLess('bytes', { ...place, west: stage.host(3), east: stage.host(4) });
    const heads = await startLess('heads', { ...place, west: stage.host(5), east: stage.host(6) });
    const isthmus = await startIsthmus(io, stage.directory, place.pod);
    const pairs: Of<Pair> = { bare, heads, isthmus, haproxy };
    const figures: BareFigures = { scenarios: {}, ratios: {}, rounds };
    try {
      for (const name of SCENARIOS) {
        io.err(`${name}: ${rounds} rounds of ${roundMs} ms each …\n`);
        const samples: Of<Sample[]> = { bare: [], heads: [], isthmus: [], haproxy: [] };
        for (const system of SYSTEMS)
          await sampleOf(stage, wrk, pairs[system], SCENARIO[name], WARM_MS);
        for (let round = 0; round < rounds; round += 1) {
          io.signal.throwIfAborted();
          for (const system of SYSTEMS) {
            const sample = await sampleOf(stage, wrk, pairs[system], SCENARIO[name], roundMs);
            samples[system].push(sample);
          }
        }
        const { haproxy: theirs } = samples;
        figures.scenarios[name] = {
          bare: summarise(samples.bare, false),
          heads: summarise(samples.heads, false),
          isthmus: summarise(samples.isthmus, false),
          haproxy: summarise(theirs, false),
        };
        figures.ratios[name] = {
          bare: ratioOf(samples.bare, theirs),
          heads: ratioOf(samples.heads, theirs),
          isthmus: ratioOf(samples.isthmus, theirs),
        };
      }
      return figures;
    } finally {
      await isthmus.stop();
    }
  });
}

/** A pair of `main.ts`. */
async function startLess(
  what: 'bytes' | 'heads',
  { programs, directory, west, east, pod }: RivalPlace,
): Promise<Pair> {
  const script = new URL('./main.ts', import.meta.url);
  const start = (half: string) =>
    programs.startScript(script, [what, half, directory, west, east, pod], WORKER_FLAGS);
  const halves = [await start('far'), await start('near')];
  return {
    version: process.versions.node,
    roots: halves.map((each) => each.pid),
    targets: { http1: { host: west, port: HTTP1_PORT } },
    said: () => halves.map((each) => each.said()).join(''),
    missing: {},
  };
}
