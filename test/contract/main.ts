/**
 * `npm run test:contract`: the contract on the embedded server, and on a real one where
 * `KUBEBUILDER_ASSETS` names its programs. Exit code 0 when every clause holds on both and the two agree.
 */
import { readToolArguments } from '#runtime/tool.ts';
import { CASES } from './cases/all.ts';
import { compare } from './compare.ts';
import { startControlPlane } from './control-plane/start.ts';
import { startEmbedded } from './embedded.ts';
import { Wire } from './http.ts';
import { isGood, type Judged, reportJson, reportLines } from './report.ts';
import { type Outcome, runCases } from './run.ts';
import { noNamespace, runInside } from './stage/network-namespace.ts';
import { startEmbeddedPair } from './stage/pair.ts';
import { runSteps, STEPS, untried } from './stage/steps.ts';
import type { Target } from './target.ts';

const USAGE = `npm run test:contract -- [--only TEXT] [--cases] [--list] [--output json]

Holds what Isthmus relies on in Kubernetes against the embedded API server,
and against a real one where KUBEBUILDER_ASSETS names its programs.

  --only TEXT    cases whose name has it, and no linked clusters
  --cases        no linked clusters
  --list         the cases and their sources, without running them
  --output json  text unless said

Exit 0: every clause holds on both and the two agree; 1: not; 2: bad arguments.

Examples:
  npm run test:contract
  KUBEBUILDER_ASSETS=/usr/local/kubebuilder/bin npm run test:contract
`;

const CONFIG = {
  options: {
    only: { type: 'string' },
    output: { type: 'string', default: 'text' },
    cases: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
} as const;

const values = readToolArguments(USAGE, CONFIG, (parsed) => {
  const { output, only } = parsed.values;
  if (output !== 'text' && output !== 'json')
    throw new Error(`--output is "${output}": expected text or json`);
  if (!CASES.some(({ name }) => name.includes(only ?? '')))
    throw new Error(`no case has "${only}" in its name: --list shows them`);
  return parsed.values;
});
const cases = CASES.filter(({ name }) => name.includes(values.only ?? ''));
const assets = process.env['KUBEBUILDER_ASSETS'];
let interrupted = false;
const started: { stop(): Promise<void> }[] = [];

if (values.list) {
  for (const { name, source } of cases) print(`${name}\n    ${source}`);
  for (const { name } of STEPS) print(`linked: ${name}`);
} else {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interrupted = true;
      void stopAll().finally(() => process.exit(130));
    });
  }
  process.exitCode = await run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  });
  await stopAll();
  // Connections that are kept alive would keep us, too.
  process.exit();
}

async function run(): Promise<number> {
  const embedded = await judge(() => startEmbedded());
  const kubernetes = assets
    ? await judge(() =>
        startControlPlane({ assets, name: 'kubernetes', onProgress: (text) => progress(text) }),
      )
    : undefined;
  const withJob = values.only === undefined && !values.cases;
  const job = withJob ? await embeddedJob() : [];
  const realJob = withJob && kubernetes ? await kubernetesJob() : [];
  const differences = kubernetes
    ? [...compare(cases, embedded.outcomes, kubernetes.outcomes), ...compare(STEPS, job, realJob)]
    : [];
  embedded.outcomes.push(...job);
  kubernetes?.outcomes.push(...realJob);
  const result = { embedded, differences, ...(kubernetes ? { kubernetes } : {}) };
  // Whoever interrupts does not wait for half a report.
  if (interrupted) return 130;
  if (values.output === 'json') print(JSON.stringify(reportJson(result), null, 2));
  else for (const line of reportLines(result)) print(line);
  return isGood(result) ? 0 : 1;
}

/** Starts a cluster, runs every case, ends it. */
async function judge(start: () => Promise<Target>): Promise<Judged & { outcomes: Outcome[] }> {
  const target = await start();
  started.push(target);
  const startMs = performance.now();
  const version = await versionOf(target);
  progress(`judging ${target.name} (${version}) …`);
  const outcomes = await runCases(cases, target, (outcome) => tell(target.name, outcome));
  const tookMs = performance.now() - startMs;
  await target.stop();
  started.splice(started.indexOf(target), 1);
  return { name: target.name, version, outcomes, tookMs };
}

/** Two embedded clusters, linked. */
async function embeddedJob(): Promise<Outcome[]> {
  progress('judging two embedded clusters, linked …');
  const pair = await startEmbeddedPair();
  started.push(pair);
  const outcomes = await runSteps(pair);
  await pair.stop();
  started.splice(started.indexOf(pair), 1);
  return outcomes;
}

/** Two real ones, where a network can be made for them. */
async function kubernetesJob(): Promise<Outcome[]> {
  const why = noNamespace();
  if (why !== undefined) return untried('skipped', why);
  progress('judging two real clusters, linked, in a network namespace …');
  const inside = runInside('./kubernetes.ts');
  started.push(inside);
  const text = await inside.output.catch((error: unknown) => String(error));
  started.splice(started.indexOf(inside), 1);
  return text.startsWith('[')
    ? (JSON.parse(text) as Outcome[]).map((each) => ({ ...each, records: new Map() }))
    : untried('failed', text);
}

async function versionOf(target: Target): Promise<string> {
  const wire = new Wire(target.server, target.ca, target.admin);
  const { body } = await wire.call('GET', '/version');
  wire.close();
  return String(body.gitVersion);
}

function tell(name: string, { name: sentence, verdict }: Outcome): void {
  if (verdict === 'failed') progress(`${name}: FAILED ${sentence}`);
}

async function stopAll(): Promise<void> {
  for (const target of started.splice(0)) await target.stop();
}

/** On standard error, so that a report can be piped. */
function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
