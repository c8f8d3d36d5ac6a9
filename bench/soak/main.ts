/**
 * `npm run soak -- reflector [--seeds N] [--seed FIRST] [--faults N] [--json]`: random faults against the copy of a changing API
 * server; in `reflector/`.
 * `npm run soak -- slow-link [--seconds N] [--json]`: a link of 1 Mbit/s, full in both directions.
 * `npm run soak -- [latency] [memory] [bodies] [--only NAMES] [--seconds N] [--flags V8FLAGS] [--profiles FOLDER] [--json]`:
 * what attacks do to a bystander, and what crowds and large bodies cost in memory. Progress goes to standard error; with
 * `--json` one JSON object is all that is printed on standard output. Exit 1 where a promise is missed.
 */
import { parseArgs } from 'node:util';
import type { Address } from '#core/network.ts';
import { WORKER_FLAGS } from '#gateway/worker/supervisor.ts';
import { measureAttacks } from './latency.ts';
import { measureBodies, measureMemory } from './memory.ts';
import { soakReflector } from './reflector/run.ts';
import { measureSlowLink } from './saturation.ts';
import { SlowLink } from './slow-link.ts';
import { type Stage, type StageOptions, startStage } from './stage.ts';
import { type SoakResults, soakTable } from './table.ts';

const NAMES = ['latency', 'memory', 'bodies', 'slow-link', 'reflector'];
/** A part of a saturated link is taken for full from here on. */
const FULL = 0.8;
const SEEDS_MAX = 1_000_000;
const SECONDS = 5;
const SLOW_LINK_SECONDS = 15;

await soak();

async function soak(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      flags: { type: 'string', default: '' },
      profiles: { type: 'string', default: '' },
      seconds: { type: 'string' },
      seeds: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      faults: { type: 'string', default: '1000' },
    },
  });
  const unknown = positionals.find((each) => !NAMES.includes(each));
  const seconds = Number(values.seconds ?? SECONDS);
  if (unknown !== undefined || !(seconds > 0)) {
    process.stderr.write(`error: ${unknown ?? '--seconds'}: there are ${NAMES.join(', ')}\n`);
    process.exit(2);
  }
  if (positionals.includes('reflector')) {
    await reflector(values);
    return;
  }
  if (positionals.includes('slow-link')) {
    await slowLink(Number(values.seconds ?? SLOW_LINK_SECONDS), values.json);
    return;
  }
  const wanted = (name: string) => positionals.length === 0 || positionals.includes(name);
  const progress = (text: string) => void process.stderr.write(`${text}\n`);
  const { only, profiles } = values;
  const options = { seconds, perSecond: 200, only, profiles, progress };
  const given = values.flags.split(' ').filter((each) => each !== '');
  const flags = given.length > 0 ? given : WORKER_FLAGS;
  const results: SoakResults = {
    attacks: wanted('latency')
      ? await on(flags, (stage) => measureAttacks(stage, options), { calm: true })
      : [],
    memory: wanted('memory') ? await on(flags, (stage) => measureMemory(stage, progress)) : [],
    bodies: wanted('bodies') ? await on(flags, (stage) => measureBodies(stage, progress)) : [],
  };
  const { text, missed } = soakTable(results);
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : text);
  process.exit(missed ? 1 : 0);
}

async function reflector(values: {
  readonly seeds: string;
  readonly seed: string;
  readonly faults: string;
  readonly json: boolean;
}): Promise<void> {
  const [firstSeed = 1, seeds = 1, faults = 1] = (['seed', 'seeds', 'faults'] as const).map(
    (name) => {
      const number = Number(values[name]);
      if (Number.isInteger(number) && number > 0 && number <= SEEDS_MAX) return number;
      process.stderr.write(`error: --${name} is "${values[name]}": expected 1 to ${SEEDS_MAX}\n`);
      return process.exit(2);
    },
  );
  const progress = (text: string) => void process.stderr.write(`${text}\n`);
  const figures = await soakReflector({ firstSeed, seeds, faults, progress });
  const { failed, virtualHours, lists } = figures;
  const text = `${seeds} seeds of ${faults} faults each, ${virtualHours} hours of virtual time, ${lists} lists: ${failed.length} failed\n`;
  process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : text);
  process.exit(failed.length > 0 ? 1 : 0);
}

async function slowLink(seconds: number, json: boolean): Promise<void> {
  let link: SlowLink | undefined;
  const road = (far: Address) => {
    link = new SlowLink(far);
    return link.start();
  };
  const measure = (stage: Stage) => {
    if (link === undefined) throw new Error('the gateways are not linked over it');
    return measureSlowLink(stage, link, seconds);
  };
  const figures = await on(WORKER_FLAGS, measure, { road });
  link?.stop();
  const { asked, answered, medianMs, maxMs, lost, filled } = figures;
  const [there, back] = filled.map((each) => `${Math.round(each * 100)} %`);
  const text = [
    `1 Mbit/s, full for ${seconds} s: ${there} there and ${back} back, ${lost} tunnels lost`,
    `small requests: ${answered} of ${asked} answered, median ${medianMs.toFixed(0)} ms, at most ${maxMs.toFixed(0)} ms`,
  ].join('\n');
  process.stdout.write(json ? `${JSON.stringify(figures)}\n` : `${text}\n`);
  const kept = lost === 0 && answered === asked && filled.every((each) => each >= FULL);
  process.exit(kept ? 0 : 1);
}

async function on<T>(
  flags: readonly string[],
  measure: (stage: Stage) => Promise<T>,
  options: StageOptions = {},
): Promise<T> {
  const stage = await startStage(Date.now(), flags, options);
  try {
    return await measure(stage);
  } finally {
    stage.stop();
  }
}
