/**
 * `npm run bench -- [pick] [pair] [wire] [devcluster] [endure] [--quick] [--json]`.
 *
 * Without names everything but `endure` runs, which takes a quarter of an hour, and `docs/performance.md` is written with its pictures. With `--json`
 * one JSON object is all that is printed on standard output. `--quick` writes no file. `wire` also knows
 * `--only SCENARIO,…`, `--rounds N`, `--services N`, `--endpoints N`, `--workers N` and `--profile DIR`. Exit 2 for bad arguments, 1 for a system that
 * failed to start.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Io } from '#cli/io.ts';
import { systemClock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { systemRandom } from '#core/random.ts';
import { packageRoot, packageVersion } from '#runtime/package.ts';
import { benchDevcluster } from './devcluster/bench.ts';
import { performancePage } from './page.ts';
import { benchPair } from './pair.ts';
import { benchPick } from './pick.ts';
import { benchWire } from './wire/bench.ts';
import { wirePictures } from './wire/chart.ts';
import { benchEndure } from './wire/endure.ts';
import { profileWire } from './wire/profile.ts';
import { SCENARIOS } from './wire/scenarios.ts';

const NAMES = ['pick', 'pair', 'wire', 'devcluster'] as const;
const LONG_NAMES = [...NAMES, 'endure'] as const;
const REQUESTS = 10_000_000;
const COUNTS = ['rounds', 'services', 'endpoints', 'workers', 'requests'] as const;
const ROUNDS_MAX = 1_000;
const WORKERS_MAX = 64;
const SERVICES_MAX = 5_000;
const ENDPOINTS_MAX = 50_000;
/** Five rounds of every scenario, whatever else the machine does, within the time a person waits. */
const QUICK = { rounds: 5, roundMs: 450, budgetMs: 95_000 };
const DEVCLUSTER = { objects: 50_000, watchers: 100, seconds: 10 };
const DEVCLUSTER_QUICK = { objects: 5_000, watchers: 50, seconds: 3 };
const FULL = { rounds: 9, roundMs: 2_000 };

const ended = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => ended.abort(new Error(`ended by ${name}`)));

const io: Io = {
  clock: systemClock,
  random: systemRandom,
  env: { ...process.env },
  cwd: process.cwd(),
  home: homedir(),
  signal: ended.signal,
  isTerminal: false,
  isErrorTerminal: process.stderr.isTTY === true,
  size: () => ({ columns: 80, rows: 24 }),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

const asked = readArguments();
try {
  if (asked.profile === undefined) await run(asked);
  else await profileWire(io, asked.only, asked.profile);
  process.exit(0);
} catch (error) {
  // What is ended by a signal fails in many ways, and for one reason.
  io.err(`error: ${describeError(ended.signal.aborted ? ended.signal.reason : error)}\n`);
  process.exit(1);
}

async function run(wish: typeof asked): Promise<void> {
  const { names, quick, json, only, rounds, workers, crowd } = wish;
  const wanted: readonly (typeof LONG_NAMES)[number][] = names.length > 0 ? names : NAMES;
  const pace = quick ? QUICK : FULL;
  const wireOptions = { ...pace, only, workers, crowd, ...(rounds ? { rounds } : {}) };
  const wire = wanted.includes('wire') ? await benchWire(io, wireOptions) : undefined;
  const results = {
    ...(wanted.includes('pick') ? { pick: benchPick(quick ? 1_000_000 : 10_000_000) } : {}),
    ...(wanted.includes('pair') ? { pair: await benchPair(io, [16, 128], quick ? 4 : 10) } : {}),
    ...(wire ? { wire: wire.figures } : {}),
    ...(wanted.includes('devcluster')
      ? { devcluster: await benchDevcluster(io, quick ? DEVCLUSTER_QUICK : DEVCLUSTER) }
      : {}),
    ...(names.includes('endure') ? { endure: await benchEndure(io, wish.requests) } : {}),
  };
  const [single] = wanted;
  // One bench alone prints its own object, as the others' readers expect.
  const document = wanted.length === 1 && single ? results[single] : results;
  const page = performancePage(results, {
    version: packageVersion(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Node ${process.versions.node}`,
    date: new Date(io.clock.wallMs()).toISOString().slice(0, 10),
    wire: wire?.about,
  });
  if (json || names.includes('endure')) io.out(`${JSON.stringify(document)}\n`);
  else io.out(page);
  if (names.length > 0 || quick) return;
  const docs = join(packageRoot(), 'docs');
  writeFileSync(join(docs, 'performance.md'), page);
  mkdirSync(join(docs, 'performance'), { recursive: true });
  for (const [name, picture] of wirePictures(results.wire))
    writeFileSync(join(docs, 'performance', `${name}.svg`), picture);
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string' },
        services: { type: 'string' },
        endpoints: { type: 'string' },
        workers: { type: 'string' },
        requests: { type: 'string' },
        profile: { type: 'string' },
      },
    });
    const names = positionals.map((each) => oneOf(each, LONG_NAMES, 'bench'));
    const only = values.only?.split(',').map((each) => oneOf(each, SCENARIOS, 'scenario'));
    const forWire = ['only', 'rounds', 'services', 'endpoints', 'workers', 'profile'] as const;
    const stray = forWire.find((each) => values[each] !== undefined);
    if (stray && (names.length !== 1 || names[0] !== 'wire'))
      throw new Error(`--${stray} belongs to the bench "wire" alone`);
    const count = (name: (typeof COUNTS)[number], most: number) => {
      const text = values[name];
      const number = text === undefined ? undefined : Number(text);
      if (number === undefined || (Number.isInteger(number) && number > 0 && number <= most))
        return number;
      throw new Error(`--${name} is "${text}": expected a number from 1 to ${most}`);
    };
    const rounds = count('rounds', ROUNDS_MAX);
    const workers = count('workers', WORKERS_MAX);
    const requests = count('requests', Number.MAX_SAFE_INTEGER) ?? REQUESTS;
    const services = count('services', SERVICES_MAX);
    const endpoints = count('endpoints', ENDPOINTS_MAX);
    const crowd = services ? { services, endpoints: endpoints ?? services } : undefined;
    if (endpoints !== undefined && crowd === undefined)
      throw new Error('--endpoints says how many endpoints the --services have together');
    if (values.profile === '') throw new Error('--profile wants a directory');
    const { quick, json, profile } = values;
    const wish = { names, quick, json, rounds, workers, crowd, profile, requests };
    return { ...wish, only: only ?? SCENARIOS };
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    return process.exit(2);
  }
}

function oneOf<T extends string>(text: string, known: readonly T[], what: string): T {
  const found = known.find((each) => each === text);
  if (!found) throw new Error(`there is no ${what} "${text}": there are ${known.join(', ')}`);
  return found;
}
