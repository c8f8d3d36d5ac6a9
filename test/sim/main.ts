/**
 * `npm run sim`: plays scenarios against the production balancer and relay, under a virtual clock; `--help` says what
 * there is. Progress goes to standard error.
 */
import { readToolArguments, wholeNumber } from '#runtime/tool.ts';
import { play } from './play.ts';
import { Run } from './run.ts';
import { SCENARIOS } from './scenarios/all.ts';
import { PROMISED, playReference } from './scenarios/reference.ts';

const SEEDS_MAX = 1_000_000;
const WARM_UP_MS = 30_000;
const MEASURED_MS = 120_000;
/** Of these the smallest is the worst. */
const BETTER_LARGE: ReadonlySet<string> = new Set(['requests', 'rps', 'success', 'least']);

const USAGE = `npm run sim -- [--seeds N] [--from N] [--scenario NAME] [--seed N] [--json]

Every seed plays every scenario; the figures of the reference experiment as
published come first, unless --from names a later seed.

  --seeds N        so many seeds, 50 unless said
  --from N         the first of them
  --seed N         this one alone
  --scenario NAME  this scenario alone, of
${wrapped(SCENARIOS.map(({ name }) => name))}
  --json           one JSON object on standard output

Exit 0: every property holds; 1: one fails, with the command that replays it;
2: bad arguments.

Examples:
  npm run sim -- --seeds 1000
  npm run sim -- --scenario brownout --seed 17
`;

const CONFIG = {
  options: {
    seeds: { type: 'string' },
    from: { type: 'string' },
    seed: { type: 'string' },
    scenario: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
} as const;

const wish = readArguments();
const failures: { scenario: string; seed: number; problems: readonly string[] }[] = [];
const worst: Record<string, Record<string, number>> = {};
let done = 0;
for (const seed of wish.seeds) {
  for (const scenario of wish.scenarios) {
    const { problems, figures } = await play(scenario, seed);
    done += 1;
    if (wish.single) worst[scenario.name] = { ...figures };
    else noteWorst(scenario.name, figures);
    if (problems.length === 0) continue;
    failures.push({ scenario: scenario.name, seed, problems });
    process.stderr.write(
      `\n${scenario.name} fails with seed ${seed}:\n  ${problems.join('\n  ')}\n` +
        `  replay: npm run sim -- --scenario ${scenario.name} --seed ${seed}\n`,
    );
  }
  if (process.stderr.isTTY || seed % 10 === 0)
    process.stderr.write(`${done} runs, ${failures.length} failed\n`);
}
const published = wish.reference ? await publish() : undefined;
if (wish.json) {
  const document = { runs: done, failures, worst, reference: published };
  process.stdout.write(`${JSON.stringify(document)}\n`);
} else {
  for (const [name, figures] of Object.entries(worst))
    process.stdout.write(`${name.padEnd(16)} ${words(figures)}\n`);
  if (published)
    for (const [name, figures] of Object.entries(published))
      process.stdout.write(`reference, ${name.padEnd(10)} ${words(figures)}\n`);
  process.stdout.write(`${done} runs, ${failures.length} failed\n`);
}
process.exit(failures.length === 0 ? 0 : 1);

/** The reference experiment with its published length, beside what was promised and what is possible. */
async function publish(): Promise<Record<string, Record<string, number>>> {
  const isthmus = await playReference(new Run(1), WARM_UP_MS, MEASURED_MS);
  const oracle = await playReference(new Run(1), WARM_UP_MS, MEASURED_MS, true);
  return { promised: PROMISED, isthmus: { ...isthmus }, oracle: { ...oracle } };
}

/** Keeps the worst of each figure over all seeds. */
function noteWorst(name: string, figures: Readonly<Record<string, number>>): void {
  worst[name] ??= {};
  for (const [key, value] of Object.entries(figures)) {
    const known = worst[name][key];
    const isWorse = known === undefined || (BETTER_LARGE.has(key) ? value < known : value > known);
    if (isWorse) worst[name][key] = value;
  }
}

function words(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`)
    .join(', ');
}

function readArguments() {
  return readToolArguments(USAGE, CONFIG, ({ values }) => {
    if (values.seed !== undefined && values.seeds !== undefined)
      throw new Error('--seed plays one, --seeds plays many: give one of them');
    if (values.seed !== undefined && values.from !== undefined)
      throw new Error('--from is the first of many seeds, --seed the only one: give one of them');
    const { scenario: name, json } = values;
    const scenarios = SCENARIOS.filter((each) => name === undefined || each.name === name);
    if (scenarios.length === 0) {
      const known = SCENARIOS.map((each) => each.name).join(', ');
      throw new Error(`there is no scenario "${name}": there are ${known}`);
    }
    const single = values.seed !== undefined;
    const from = wholeNumber('from', values.from ?? '1', SEEDS_MAX);
    const seeds = single
      ? [wholeNumber('seed', values.seed as string, SEEDS_MAX)]
      : Array.from(
          { length: wholeNumber('seeds', values.seeds ?? '50', SEEDS_MAX) },
          (_, at) => from + at,
        );
    const whole = !single && from === 1;
    const reference = whole && (name === undefined || name === 'reference');
    return { seeds, scenarios, json, single, reference };
  });
}

/** Names in lines that fit a terminal. */
function wrapped(names: readonly string[]): string {
  const lines: string[] = [''];
  for (const name of names) {
    const line = lines.at(-1) as string;
    if (line.length + name.length > 58) lines.push(name);
    else lines[lines.length - 1] = line === '' ? name : `${line} ${name}`;
  }
  return lines.map((line) => `                     ${line}`).join('\n');
}
