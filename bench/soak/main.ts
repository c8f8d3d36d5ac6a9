/**
 * `npm run soak -- reflector [--seeds N] [--seed FIRST] [--faults N] [--json]`: random faults against the copy of a changing API
 * server; in `reflector/`.
 * `npm run soak -- [latency] [memory] [bodies] [--only NAMES] [--seconds N] [--flags V8FLAGS] [--profiles FOLDER] [--json]`:
 * what attacks do to a bystander, and what crowds and large bodies cost in memory. Progress goes to standard error; with
 * `--json` one JSON object is all that is printed on standard output. Exit 1 where a promise is missed.
 */
import { parseArgs } from 'node:util';
import { WORKER_FLAGS } from '#gateway/worker/supervisor.ts';
import { measureAttacks } from './latency.ts';
import { measureBodies, measureMemory } from './memory.ts';
import { soakReflector } from './reflector/run.ts';
import { type Stage, startStage } from './stage.ts';
import { type SoakResults, soakTable } from './table.ts';

const NAMES = ['latency', 'memory', 'bodies', 'reflector'];
const SEEDS_MAX = 1_000_000;

await soak();

async function soak(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      flags: { type: 'string', default: '' },
      profiles: { type: 'string', default: '' },
      seconds: { type: 'string', default: '5' },
      seeds: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      faults: { type: 'string', default: '1000' },
    },
  });
  const unknown = positionals.find((each) => !NAMES.includes(each));
  const seconds = Number(values.seconds);
  if (unknown !== undefined || !(seconds > 0)) {
    process.stderr.write(`error: ${unknown ?? '--seconds'}: there are ${NAMES.join(', ')}\n`);
    process.exit(2);
  }
  if (positionals.includes('reflector')) {
    await reflector(values);
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
      ? await on(flags, (stage) => measureAttacks(stage, options), true)
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

async function on<T>(
  flags: readonly string[],
  measure: (stage: Stage) => Promise<T>,
  calm = false,
): Promise<T> {
  const stage = await startStage(Date.now(), flags, calm);
  try {
    return await measure(stage);
  } finally {
    stage.stop();
  }
}
