/**
 * `npm run fuzz`: our codecs against those of Node, millions of inputs, one verdict.
 *
 * HTTP/1 against llhttp, HPACK and HTTP/2 against nghttp2. Exit code 0: no crash, hang or difference; 1: otherwise;
 * 2: flags that mean nothing; 130: interrupted. A stricter rule that has no example yet is named on standard error.
 */
import { availableParallelism } from 'node:os';
import { helpIfAsked } from '#runtime/tool.ts';
import { stricterExamples } from './examples.ts';
import { parseFlags } from './flags.ts';
import { examplesMissing, printFindings, printSummary, verdictLine } from './print.ts';
import type { FuzzReport } from './report.ts';
import { runFuzz } from './run.ts';
import { fuzz } from './worker.ts';

const PROGRESS_MS = 10_000;
const WORKERS_MAX = 2;
const INTERRUPTED = 130;

const USAGE = `npm run fuzz -- [--inputs N] [--seed S] [--only CODEC:N] [--json]

Our codecs against those of Node, verdict by verdict: HTTP/1 against llhttp,
HPACK and HTTP/2 against nghttp2.

  --inputs N      ten million unless said, 8 of 10 for HTTP/1
  --seed S        the same inputs again
  --only CODEC:N  one input alone, as a finding names it
  --json          findings as JSON

Exit 0: no crash, hang or difference; 1: otherwise; 2: bad arguments;
130: interrupted.

Examples:
  npm run fuzz
  npm run fuzz -- --seed 7 --only hpack:408589
`;

helpIfAsked(USAGE);
const flags = parseFlags(process.argv.slice(2));
if (typeof flags === 'string') {
  console.error(flags);
  process.exit(2);
}
const { inputs, seed, json, only } = flags;
const ending = new AbortController();
// Not once: npm hands the signal on, and the terminal sends it too.
process.on('SIGINT', () => ending.abort());
const examples = await stricterExamples();
const report =
  only === undefined ? await runAll() : await fuzz(only.codec, { seed, ...only.range });
const missing = examplesMissing(report, examples);
if (json) printFindings(report, seed, console.error);
else printSummary(report, seed, examples, console.log);
for (const rule of missing)
  console.error(`${rule} was applied and has no example: add one to test/gateway/wire/`);
console.log(verdictLine(report));
const clean = report.crashes + report.hangs + report.differences === 0;
// Not before the pipe has taken it all.
process.stdout.write('', () => process.exit(ending.signal.aborted ? INTERRUPTED : clean ? 0 : 1));

async function runAll(): Promise<FuzzReport> {
  console.error(`seed ${seed}, ${inputs.toLocaleString('en')} inputs`);
  const startMs = performance.now();
  let done = 0;
  const timer = setInterval(() => {
    const rate = (done * 1_000) / (performance.now() - startMs);
    const rest = rate > 0 ? `${Math.ceil((inputs - done) / rate)} s left` : 'nothing yet';
    console.error(
      `${done.toLocaleString('en')} of ${inputs.toLocaleString('en')} inputs, ${Math.round(rate).toLocaleString('en')} a second, ${rest}`,
    );
  }, PROGRESS_MS);
  const workers = Math.min(WORKERS_MAX, availableParallelism());
  const onJob = (soFar: FuzzReport) => {
    done = soFar.inputs;
  };
  try {
    return await runFuzz({ inputs, seed, workers, onJob, signal: ending.signal });
  } finally {
    clearInterval(timer);
  }
}
