/**
 * `npm run bench -- wire`: Isthmus, HAProxy and nginx side by side, in interleaved rounds of one run.
 *
 * The measure is work per CPU-second of the pair: user and system time of all its processes and threads.
 * Generators and backend are processes of their own and do not count. Promises: everything that was
 * started is ended and the temporary directory removed, whatever happens.
 */
import type { Io } from '#cli/io.ts';
import { WORKERS } from '#gateway/worker/protocol.ts';
import { processTree, rssMb } from '../kit/cpu.ts';
import { type Programs, requirePrograms } from '../kit/programs.ts';
import { onScene } from '../kit/scene.ts';
import { writeCertificates } from './certificates.ts';
import type { Crowd } from './crowd.ts';
import { startIsthmus } from './isthmus.ts';
import type { LoadOrder } from './load/main.ts';
import type { LoadResult } from './load/meter.ts';
import { figuresOf, ratiosOf, type Sample, type WireAbout, type WireFigures } from './result.ts';
import { startHaproxy, startNginx } from './rivals.ts';
import { SCENARIO, SCENARIOS, type Scenario, type ScenarioName } from './scenarios.ts';
import { type Pair, SYSTEMS, type SystemName } from './systems.ts';
import { Wrk } from './wrk.ts';

/** What is asked of a run. */
export interface WireOptions {
  readonly only: readonly ScenarioName[];
  readonly rounds: number;
  /** How long a round of one system takes; with a budget, as long as that leaves room for. */
  readonly roundMs: number;
  /** What the compiler of JavaScript has of all scenarios together before the first round. */
  readonly warmMs: number;
  /** Services nobody asks for. */
  readonly crowd?: Crowd | undefined;
  /** Workers of each gateway, if not the default. */
  readonly workers?: number | undefined;
  /** Everything is to end within this. */
  readonly budgetMs?: number;
}

/** A stage with a backend on it, ended whatever happens to `play`. */
export interface Stage {
  readonly directory: string;
  readonly programs: Programs;
  /** An address nobody else on this machine uses: 0 is the backend's. */
  host(number: number): string;
  /** Asks a generator of the bench's own. */
  load(order: LoadOrder): Promise<LoadResult>;
}

const ROUND_MS_MIN = 250;
/**
 * What is compiled for one kind of traffic is given up when the next kind comes, and made anew for both. So all have been
 * there once, and then once more, before anything counts.
 */
const WARM_PASSES = 2;
/** More of one scenario teaches nothing. */
const WARM_MS_MAX = 4_000;
/** Each scenario warms up once more, just before its rounds. */
const SCENARIO_WARM_MS = 1_000;
/** Rivals are compiled: connections and caches are all that has to warm up. */
const RIVAL_WARM_MS = 300;
/** From a generator's start until its load is steady. */
const SETTLE_MS = 60;
/** What a round takes beside its load. */
const OVERHEAD_MS = 90;

/** Sets a stage, plays on it, clears it. */
export async function onStage<T>(io: Io, play: (stage: Stage) => Promise<T>): Promise<T> {
  return onScene(io, 'wire', async ({ directory, programs, host }) => {
    await programs.startScript(new URL('./backend/main.ts', import.meta.url), [host(0)]);
    const generator = await programs.startScript(new URL('./load/main.ts', import.meta.url));
    const load = async (order: LoadOrder) => {
      const answer = (await programs.ask(generator, order)) as LoadResult & { failure?: string };
      if (answer.failure !== undefined) throw new Error(answer.failure);
      return answer;
    };
    return play({ directory, programs, host, load });
  });
}

/** Measures; progress goes to standard error. Also tells what the page says of those compared. */
export async function benchWire(io: Io, options: WireOptions) {
  const startMs = io.clock.monotonicMs();
  requirePrograms([
    ['wrk', 'wrk'],
    ['haproxy', 'haproxy'],
    ['nginx', 'nginx'],
  ]);
  return onStage(io, async (stage) => {
    const wrk = new Wrk(stage.programs, stage.directory, io.clock);
    writeCertificates(stage.directory, io.clock.wallMs());
    const place = { programs: stage.programs, directory: stage.directory, pod: stage.host(0) };
    const haproxy = await startHaproxy({ ...place, west: stage.host(1), east: stage.host(2) });
    const nginx = await startNginx({ ...place, west: stage.host(3), east: stage.host(4) });
    const { crowd, workers } = options;
    const environment: Record<string, string> = {};
    if (workers !== undefined) environment[WORKERS] = String(workers);
    const isthmus = await startIsthmus(io, stage.directory, place.pod, { environment, crowd });
    try {
      const pairs = { isthmus, haproxy, nginx };
      const leftMs = () =>
        options.budgetMs === undefined
          ? Number.POSITIVE_INFINITY
          : options.budgetMs - (io.clock.monotonicMs() - startMs);
      const figures = await new Rounds(io, stage, wrk, pairs).all(options, leftMs);
      const versions = { haproxy: haproxy.version, nginx: nginx.version, wrk: wrk.version };
      return { figures, about: { versions, cannot: whyNot(pairs) } };
    } finally {
      await isthmus.stop();
    }
  });
}

/** Why a pair has no figures in a scenario, in a sentence's half. */
function whyNot(pairs: Readonly<Record<SystemName, Pair>>): WireAbout['cannot'] {
  const found: Record<string, string> = {};
  for (const name of SCENARIOS) {
    for (const system of SYSTEMS) {
      const why = pairs[system].missing[SCENARIO[name].carried];
      if (why !== undefined) found[`${name} ${system}`] = why;
    }
  }
  return found;
}

/** One scenario against one pair, once. */
export async function measure(
  stage: Stage,
  wrk: Wrk,
  pair: Pair,
  scenario: Scenario,
  measureMs: number,
): Promise<LoadResult> {
  const target = pair.targets[scenario.carried];
  if (!target) throw new Error(`nothing carries ${scenario.carried}`);
  const pids = processTree(pair.roots);
  const { generator } = scenario;
  if ('wrk' in generator) return wrk.run(target, generator.wrk, pids, measureMs);
  return stage.load({ load: generator.load, target, pids, warmMs: SETTLE_MS, measureMs });
}

/** {@link measure}, as a sample of the pair in a round. */
export async function sampleOf(
  stage: Stage,
  wrk: Wrk,
  pair: Pair,
  scenario: Scenario,
  measureMs: number,
): Promise<Sample & { readonly reason: string }> {
  const result = await measure(stage, wrk, pair, scenario, measureMs);
  return {
    work: scenario.inBytes ? result.bytes : result.count,
    cpuMs: result.cpuMs,
    p50Ms: result.p50Ms,
    p95Ms: result.p95Ms,
    p99Ms: result.p99Ms,
    errors: result.errors,
    rssMb: rssMb(processTree(pair.roots)),
    reason: result.reason,
  };
}

class Rounds {
  readonly #io: Io;
  readonly #stage: Stage;
  readonly #wrk: Wrk;
  readonly #pairs: Readonly<Record<SystemName, Pair>>;

  constructor(io: Io, stage: Stage, wrk: Wrk, pairs: Readonly<Record<SystemName, Pair>>) {
    this.#io = io;
    this.#stage = stage;
    this.#wrk = wrk;
    this.#pairs = pairs;
  }

  async all(options: WireOptions, leftMs: () => number): Promise<WireFigures> {
    const { only, rounds } = options;
    const scenarios: Partial<Record<ScenarioName, ReturnType<typeof figuresOf>>> = {};
    const ratios: Partial<Record<ScenarioName, ReturnType<typeof ratiosOf>>> = {};
    await this.#warm(only, options.warmMs);
    for (const name of SCENARIOS) {
      if (!only.includes(name)) {
        scenarios[name] = { isthmus: null, haproxy: null, nginx: null };
        ratios[name] = { haproxy: null, nginx: null };
        continue;
      }
      const samples = await this.#scenario(name, rounds, () => {
        const due = SCENARIOS.slice(SCENARIOS.indexOf(name)).filter((each) => only.includes(each));
        const systems = due.reduce((sum, each) => sum + this.#able(each).length, 0);
        const rivals = systems - due.length;
        const warmMs = due.length * SCENARIO_WARM_MS + rivals * RIVAL_WARM_MS;
        const asideMs = OVERHEAD_MS + SETTLE_MS;
        const fittingMs = (leftMs() - warmMs - systems * asideMs) / (systems * rounds) - asideMs;
        return Math.max(ROUND_MS_MIN, Math.min(options.roundMs, fittingMs));
      });
      scenarios[name] = figuresOf(samples, SCENARIO[name].inBytes);
      ratios[name] = ratiosOf(samples);
    }
    return { scenarios, ratios, rounds };
  }

  async #warm(only: readonly ScenarioName[], totalMs: number): Promise<void> {
    const eachMs = Math.min(WARM_MS_MAX, totalMs / (WARM_PASSES * only.length));
    this.#io.err(`warming up: ${Math.round((WARM_PASSES * only.length * eachMs) / 1_000)} s …\n`);
    for (let pass = 0; pass < WARM_PASSES; pass += 1)
      for (const name of only) await this.#once('isthmus', name, eachMs);
  }

  #able(name: ScenarioName): SystemName[] {
    const { carried } = SCENARIO[name];
    return SYSTEMS.filter((each) => this.#pairs[each].targets[carried] !== undefined);
  }

  /** All warm up, then the rounds that count; in each round every system has its turn. */
  async #scenario(name: ScenarioName, rounds: number, fitting: () => number) {
    const able = this.#able(name);
    const samples: Record<SystemName, Sample[] | null> = {
      isthmus: null,
      haproxy: null,
      nginx: null,
    };
    for (const each of able) samples[each] = [];
    for (const each of SYSTEMS) {
      const why = this.#pairs[each].missing[SCENARIO[name].carried];
      if (why !== undefined) this.#io.err(`${name}: not ${each}: ${why}\n`);
    }
    const roundMs = fitting();
    this.#io.err(`${name}: ${rounds} rounds of ${Math.round(roundMs)} ms each …\n`);
    for (const each of able)
      await this.#once(each, name, each === 'isthmus' ? SCENARIO_WARM_MS : RIVAL_WARM_MS);
    for (let round = 0; round < rounds; round += 1)
      for (const each of able) samples[each]?.push(await this.#once(each, name, roundMs));
    return samples;
  }

  async #once(system: SystemName, name: ScenarioName, measureMs: number): Promise<Sample> {
    this.#io.signal.throwIfAborted();
    const pair = this.#pairs[system];
    const sample = await sampleOf(this.#stage, this.#wrk, pair, SCENARIO[name], measureMs);
    const { errors, reason } = sample;
    if (errors > 0)
      this.#io.err(`${name}: ${system}: ${errors} errors: ${reason}\n${pair.said?.() ?? ''}`);
    return sample;
  }
}
