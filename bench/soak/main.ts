/**
 * `npm run soak -- [latency] [memory] [bodies] [--only NAME] [--seconds N] [--flags V8FLAGS] [--json]`:
 * what attacks do to a bystander, and what crowds and large bodies cost in memory. Progress goes to standard error; with
 * `--json` one JSON object is all that is printed on standard output. Exit 1 where a promise is missed.
 */
import { parseArgs } from 'node:util';
import { WORKER_FLAGS } from '#gateway/worker/supervisor.ts';
import { measureAttacks } from './latency.ts';
import { measureBodies, measureMemory } from './memory.ts';
import { type Stage, startStage } from './stage.ts';
import { type SoakResults, soakTable } from './table.ts';

const NAMES = ['latency', 'memory', 'bodies'];

await soak();

async function soak(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      flags: { type: 'string', default: '' },
      seconds: { type: 'string', default: '5' },
    },
  });
  const unknown = positionals.find((each) => !NAMES.includes(each));
  const seconds = Number(values.seconds);
  if (unknown !== undefined || !(seconds > 0)) {
    process.stderr.write(`error: ${unknown ?? '--seconds'}: there are ${NAMES.join(', ')}\n`);
    process.exit(2);
  }
  const wanted = (name: string) => positionals.length === 0 || positionals.includes(name);
  const progress = (text: string) => void process.stderr.write(`${text}\n`);
  const options = { seconds, perSecond: 200, only: values.only, progress };
  const given = values.flags.split(' ').filter((each) => each !== '');
  const flags = given.length > 0 ? given : WORKER_FLAGS;
  const results: SoakResults = {
    attacks: wanted('latency') ? await on(flags, (stage) => measureAttacks(stage, options)) : [],
    memory: wanted('memory') ? await on(flags, (stage) => measureMemory(stage, progress)) : [],
    bodies: wanted('bodies') ? await on(flags, (stage) => measureBodies(stage, progress)) : [],
  };
  const { text, missed } = soakTable(results);
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : text);
  process.exit(missed ? 1 : 0);
}

async function on<T>(flags: readonly string[], measure: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = await startStage(Date.now(), flags);
  try {
    return await measure(stage);
  } finally {
    stage.stop();
  }
}
