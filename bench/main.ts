/**
 * `npm run bench`: everything that is measured, side by side; `--help` says what there is.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { join } from 'node:path';
import type { Io } from '#cli/io.ts';
import { systemClock } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import { systemRandom } from '#core/random.ts';
import { packageRoot, packageVersion } from '#runtime/package.ts';
import { type ALL_NAMES, NAMES, readArguments, type Wish } from './arguments.ts';
import { benchBare } from './bare/bench.ts';
import { benchDevcluster } from './devcluster/bench.ts';
import { benchFailover } from './failover/bench.ts';
import { failoverPictures } from './failover/chart.ts';
import { performancePage } from './page.ts';
import { benchPair } from './pair.ts';
import { benchPick } from './pick.ts';
import { benchSeed } from './seed/bench.ts';
import { seedPictures } from './seed/chart.ts';
import { benchWire } from './wire/bench.ts';
import { wirePictures } from './wire/chart.ts';
import { benchEndure } from './wire/endure.ts';
import { profileWire } from './wire/profile.ts';

/** Five rounds of every scenario, whatever else the machine does, within the time a person waits. */
const QUICK = { rounds: 5, roundMs: 450, warmMs: 20_000, budgetMs: 100_000 };
const DEVCLUSTER = { objects: 50_000, watchers: 100, seconds: 10 };
const DEVCLUSTER_QUICK = { objects: 5_000, watchers: 50, seconds: 3 };
const BARE = { rounds: 11, roundMs: 1_000 };
const BARE_QUICK = { rounds: 5, roundMs: 500 };
const FULL = { rounds: 9, roundMs: 2_000, warmMs: 60_000 };
/** Everything of the seed within a hundred seconds, or as it was published: half a minute, then two. */
const SEED = {
  quick: { warmMs: 10_000, measureMs: 7_000, alone: false },
  usual: { warmMs: 10_000, measureMs: 30_000, alone: false },
  full: { warmMs: 30_000, measureMs: 120_000, alone: true },
} as const;

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

async function run(wish: Wish): Promise<void> {
  const { names, quick, json, only, rounds, workers, crowd } = wish;
  const wanted: readonly (typeof ALL_NAMES)[number][] = names.length > 0 ? names : NAMES;
  const pace = quick ? QUICK : FULL;
  const wireOptions = { ...pace, only, workers, crowd, ...(rounds ? { rounds } : {}) };
  const wire = wanted.includes('wire') ? await benchWire(io, wireOptions) : undefined;
  const seed = wanted.includes('seed')
    ? await benchSeed(io, SEED[wish.full ? 'full' : quick ? 'quick' : 'usual'])
    : undefined;
  const failover = wanted.includes('failover') ? await benchFailover(io) : undefined;
  const results = {
    ...(wanted.includes('pick') ? { pick: benchPick(quick ? 1_000_000 : 10_000_000) } : {}),
    ...(wanted.includes('pair') ? { pair: await benchPair(io, [16, 128], quick ? 4 : 10) } : {}),
    ...(wire ? { wire: wire.figures } : {}),
    ...(seed ? { seed: seed.figures } : {}),
    ...(failover ? { failover: failover.figures } : {}),
    ...(wanted.includes('devcluster')
      ? { devcluster: await benchDevcluster(io, quick ? DEVCLUSTER_QUICK : DEVCLUSTER) }
      : {}),
    ...(names.includes('endure') ? { endure: await benchEndure(io, wish.requests) } : {}),
    ...(names.includes('bare') ? { bare: await benchBare(io, quick ? BARE_QUICK : BARE) } : {}),
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
  if (json || names.some((name) => name === 'endure' || name === 'bare'))
    io.out(`${JSON.stringify(document)}\n`);
  else io.out(page);
  if (names.length > 0 || quick) return;
  const docs = join(packageRoot(), 'docs');
  writeFileSync(join(docs, 'performance.md'), page);
  mkdirSync(join(docs, 'performance'), { recursive: true });
  const pictures = [wirePictures(results.wire), seedPictures(seed), failoverPictures(failover)];
  for (const [name, picture] of pictures.flatMap((each) => [...each]))
    writeFileSync(join(docs, 'performance', `${name}.svg`), picture);
}
