/**
 * `npm run soak`: what attacks do to a bystander, what crowds and large bodies cost in memory, a link that is full, and
 * random faults against the copy of a changing API server; `--help` says what there is.
 */
import type { Address } from '#core/network.ts';
import { WORKER_FLAGS } from '#gateway/worker/flags.ts';
import { readToolArguments, wholeNumber } from '#runtime/tool.ts';
import { measureAttacks } from './latency.ts';
import { measureBodies, measureMemory } from './memory.ts';
import { soakReflector } from './reflector/run.ts';
import { measureSlowLink } from './saturation.ts';
import { SlowLink } from './slow-link.ts';
import { type Stage, type StageOptions, startStage } from './stage.ts';
import { type SoakResults, soakTable } from './table.ts';

const NAMES = ['latency', 'memory', 'bodies', 'slow-link', 'reflector'];
const USAGE = `npm run soak -- [NAME …] [--json]

Without a name: latency, memory and bodies, ten minutes.

  latency    what each attack does to a bystander's requests
  memory     10,000 idle connections and 2,000 streams
  bodies     1 GiB each way, read slowly
  slow-link  1 Mbit/s between clusters, full both ways
  reflector  random faults against the copy of a changing API server

  --seconds N       latency, slow-link: how long each lasts
  --only TEXT,…     latency: attacks whose name has it
  --profiles DIR    latency: CPU profiles of the gateways
  --flags="FLAGS"   V8's flags for the gateways, instead of a worker's
  --seeds N         reflector: so many runs
  --seed FIRST      reflector: from this one on
  --faults N        reflector: of so many faults each
  --json            one JSON object on standard output

Exit 0: every promise kept; 1: one is not; 2: bad arguments.

Examples:
  npm run soak -- latency --only 'slow readers' --seconds 3
  npm run soak -- memory
  npm run soak -- reflector --seeds 1000
`;
/** A part of a saturated link is taken for full from here on. */
const FULL = 0.8;
const SEEDS_MAX = 1_000_000;
const SECONDS = 5;
const SLOW_LINK_SECONDS = 15;

const CONFIG = {
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
} as const;

await soak();

async function soak(): Promise<void> {
  const { values, positionals, faultsWanted } = readToolArguments(USAGE, CONFIG, (parsed) => {
    const unknown = parsed.positionals.find((each) => !NAMES.includes(each));
    if (unknown !== undefined)
      throw new Error(`there is no soak "${unknown}": there are ${NAMES.join(', ')}`);
    const { seconds, seed, seeds, faults } = parsed.values;
    if (seconds !== undefined && !(Number(seconds) > 0))
      throw new Error(`--seconds is "${seconds}": expected a number above 0`);
    const faultsWanted = {
      firstSeed: wholeNumber('seed', seed, SEEDS_MAX),
      seeds: wholeNumber('seeds', seeds, SEEDS_MAX),
      faults: wholeNumber('faults', faults, SEEDS_MAX),
    };
    return { ...parsed, faultsWanted };
  });
  const seconds = Number(values.seconds ?? SECONDS);
  if (positionals.includes('reflector')) {
    await reflector(faultsWanted, values.json);
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

async function reflector(
  { firstSeed, seeds, faults }: { firstSeed: number; seeds: number; faults: number },
  json: boolean,
): Promise<void> {
  const progress = (text: string) => void process.stderr.write(`${text}\n`);
  const figures = await soakReflector({ firstSeed, seeds, faults, progress });
  const { failed, virtualHours, lists } = figures;
  const text = `${seeds} seeds of ${faults} faults each, ${virtualHours} hours of virtual time, ${lists} lists: ${failed.length} failed\n`;
  process.stdout.write(json ? `${JSON.stringify(figures)}\n` : text);
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
