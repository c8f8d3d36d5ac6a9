/**
 * Runs every test: two files at once, then those that must have the machine to themselves one after another.
 *
 * A file whose name ends in `.alone.test.ts` measures time, memory or work under load, and would measure its neighbour too. The
 * report is one, with one sum at its end; the exit code is 1 when any test of either part failed. A test that does not end is
 * a failure after {@link FILE_TIMEOUT_MS}, and so is what a test left open: files are not made to exit, for that loses results that
 * are still on their way. Arguments are folders, to run those alone: `npx node test/all.ts test/kube test/mirror`.
 * Ctrl-C and SIGTERM end what runs.
 */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const ALONE = '.alone.test.ts';
const FILES_AT_ONCE = 2;
/** The longest file needs a third of it on a quiet machine. */
const FILE_TIMEOUT_MS = 180_000;
/** What is summed over both parts, in the order in which Node tells it. */
const COUNTS = ['tests', 'suites', 'passed', 'failed', 'cancelled', 'skipped', 'todo'] as const;
/** What Node calls the counts where it prints them. */
const PRINTED: Readonly<Record<string, string>> = { passed: 'pass', failed: 'fail' };

const ROOT = join(import.meta.dirname, '..');
const ended = new AbortController();

type Counts = Record<(typeof COUNTS)[number], number>;
type TestEvent = { readonly type: string; readonly data: object };

async function* everything(files: readonly string[]): AsyncGenerator<TestEvent> {
  const startMs = performance.now();
  const sums = Object.fromEntries(COUNTS.map((each) => [each, 0])) as Counts;
  const parts = [
    { files: files.filter((each) => !each.endsWith(ALONE)), concurrency: FILES_AT_ONCE },
    { files: files.filter((each) => each.endsWith(ALONE)), concurrency: 1 },
  ];
  for (const part of parts) {
    const options = { cwd: ROOT, timeout: FILE_TIMEOUT_MS, signal: ended.signal };
    for await (const event of run({ ...part, ...options })) {
      const ofPart = isOfPart(event.data);
      if (ofPart && event.type === 'test:summary') {
        if (!event.data.success) process.exitCode = 1;
        for (const each of COUNTS) sums[each] += event.data.counts[each];
      } else if (!ofPart || event.type !== 'test:diagnostic') yield event;
    }
  }
  const lines = COUNTS.map((each) => `${PRINTED[each] ?? each} ${sums[each]}`);
  for (const message of [...lines, `duration_ms ${Math.round(performance.now() - startMs)}`]) {
    yield { type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } };
  }
}

/** Whether an event tells of a whole part and not of one file. */
function isOfPart(data: object): boolean {
  return !('file' in data) || data.file === undefined;
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => ended.abort());
const folders = process.argv.slice(2);
const files = globSync('test/**/*.test.ts', { cwd: ROOT })
  .filter((file) => folders.length === 0 || folders.some((each) => file.startsWith(each)))
  .sort();
if (files.length === 0) {
  console.error(
    `no test file lies in ${folders.join(', ')}: name folders below test, such as test/kube`,
  );
  process.exit(2);
}
await pipeline(Readable.from(everything(files)), new spec(), process.stdout);
