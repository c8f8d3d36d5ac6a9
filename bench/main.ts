/**
 * `npm run bench -- [pick] [pair] [--quick] [--json]`.
 *
 * Without names everything runs, and `docs/performance.md` is written. With `--json` one JSON object
 * is all that is printed on standard output. `--quick` writes no file. Exit 2 for bad arguments.
 */
import { writeFileSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Io } from '#cli/io.ts';
import { systemClock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { packageRoot, packageVersion } from '#runtime/package.ts';
import { performancePage } from './page.ts';
import { benchPair } from './pair.ts';
import { benchPick } from './pick.ts';

const NAMES = ['pick', 'pair'] as const;
const ended = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => ended.abort(name));

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

const { names, quick, json } = readArguments();
const wanted = names.length > 0 ? names : NAMES;
const results = {
  ...(wanted.includes('pick') ? { pick: benchPick(quick ? 1_000_000 : 10_000_000) } : {}),
  ...(wanted.includes('pair') ? { pair: await benchPair(io, [16, 128], quick ? 4 : 10) } : {}),
};
const [only] = wanted;
// One bench alone prints its own object, as the others' readers expect.
const document = wanted.length === 1 && only ? results[only] : results;
const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, Node ${process.versions.node}`;
const page = performancePage(results, { version: packageVersion(), machine });
if (json) io.out(`${JSON.stringify(document)}\n`);
else io.out(page);
if (names.length === 0 && !quick)
  writeFileSync(join(packageRoot(), 'docs', 'performance.md'), page);
process.exit(0);

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const named = positionals.map((each) => {
      const known = NAMES.find((name) => name === each);
      if (!known) throw new Error(`there is no bench "${each}": there are ${NAMES.join(', ')}`);
      return known;
    });
    return { names: named, quick: values.quick, json: values.json };
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    return process.exit(2);
  }
}
