/**
 * `isthmus explain SERVICE`: the state behind every pick of the gateways.
 */
import { Command } from 'commander';
import { z } from 'zod';
import { IsthmusError } from '#core/errors.ts';
import type { OpenContext } from '../contexts.ts';
import { everyContext } from '../every-context.ts';
import { askGateways, type GatewayAnswer } from '../gateways.ts';
import type { CommandContext, OutputFormat } from '../io.ts';
import { kubeconfigOption, outputOption } from '../options.ts';
import { namedTable, type Paint, paintFor, printDocument, warn } from '../output.ts';
import { listed, similarTo } from '../similar.ts';
import { waitFor } from '../waiting.ts';

const endpoint = z.object({
  endpoint: z.string(),
  latencyMs: z.number().nullable(),
  cost: z.number(),
  inFlight: z.number(),
  success: z.number(),
  weight: z.number(),
  ramp: z.number(),
  ejected: z.boolean(),
  ejectedForMs: z.number().nullable(),
  penalisedForMs: z.number().nullable(),
  spilling: z.boolean(),
});
const report = z.object({
  name: z.string(),
  mirror: z.string().nullable(),
  port: z.number(),
  worker: z.number(),
  strategy: z.string(),
  localShare: z.number(),
  spilling: z.boolean(),
  hedgeDelayMs: z.number().nullable(),
  local: z.array(endpoint),
  remote: z.array(endpoint),
});
const answer = z.object({ services: z.array(report) });
const nameList = z.object({ services: z.array(z.string()) });

type Endpoint = z.infer<typeof endpoint>;
/** One balancer of one worker, with the pod it runs in. */
type Row = z.infer<typeof report> & { readonly context: string; readonly pod: string };

interface ExplainOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace: string;
  readonly output: OutputFormat;
}

export function explainCommand(context: CommandContext): Command {
  const { io } = context;
  return new Command('explain')
    .description('show what gateways know of a service, endpoint by endpoint')
    .argument('<service>', 'a mirror or an exported Service: NAME or NAMESPACE/NAME')
    .addOption(kubeconfigOption())
    .option('--context <name>', 'only the gateways of this one (default: all contexts)')
    .option('-n, --namespace <namespace>', 'namespace of NAME', 'default')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
A mirror is explained as its clients are served, an exported Service also as
other clusters are. Cost is what a request to an endpoint would take: the
cheapest wins, and a remote one only if it is clearly better.

Examples:
  isthmus explain shop/backend-global
  isthmus explain backend -n shop --context west --output json`,
    )
    .action(async (service: string, { kubeconfig, output, ...options }: ExplainOptions) => {
      const key = service.includes('/') ? service : `${options.namespace}/${service}`;
      const contexts = options.context === undefined ? undefined : [options.context];
      const choice = { kubeconfig, contexts };
      const page = `/balancer?service=${encodeURIComponent(key)}`;
      const answers = await everyContext(context, choice, (cluster) =>
        ask(context, cluster, page, (answer) => rowsOf(cluster.context, answer)),
      );
      const rows = answers.flat();
      if (rows.length === 0) {
        const known = await everyContext(context, choice, (cluster) =>
          ask(context, cluster, '/services', namesOf),
        );
        throw unknown(key, options.context, [...new Set(known.flat())].sort());
      }
      if (output !== 'text') printDocument(io, output, { services: rows });
      else io.out(`${rows.map((row) => textOf(row, paintFor(io))).join('\n\n')}\n`);
    });
}

/** What the gateways of one cluster know; one that does not answer hides no other. */
async function ask<T>(
  { io, failed }: CommandContext,
  cluster: OpenContext,
  page: string,
  read: (answer: GatewayAnswer) => T[],
): Promise<T[]> {
  const asked = askGateways(io, cluster, page);
  const answers = await waitFor(io, `the gateways of ${cluster.context}`, asked);
  const errors = answers.flatMap(({ error }) => error ?? []);
  if (errors.length === answers.length && errors[0]) throw errors[0];
  for (const error of errors) warn(io, error.message);
  if (errors.length > 0) failed();
  return answers.flatMap(read);
}

function rowsOf(context: string, { pod, body }: GatewayAnswer): Row[] {
  const read = answer.safeParse(body);
  return read.success ? read.data.services.map((each) => ({ context, pod, ...each })) : [];
}

function namesOf({ body }: GatewayAnswer): string[] {
  const read = nameList.safeParse(body);
  return read.success ? read.data.services : [];
}

function unknown(key: string, context: string | undefined, names: readonly string[]) {
  const [, name] = key.split('/');
  const meant = names.find((each) => each.split('/')[1] === name) ?? similarTo(key, names);
  const served =
    names.length > 0 ? `They serve ${listed(names)}.` : 'They serve nothing yet: isthmus services.';
  const whose = context === undefined ? 'the gateways' : `the gateways of ${context}`;
  return new IsthmusError('USAGE', `${whose} serve no "${key}"`, {
    field: 'service',
    next: meant === undefined ? served : `Did you mean ${meant}? ${served}`,
  });
}

function textOf(row: Row, paint: Paint): string {
  const { context, mirror, name, port, pod, worker, strategy, localShare, spilling, hedgeDelayMs } =
    row;
  const whom = mirror === null ? `${name}:${port}, asked by other clusters` : `${mirror}:${port}`;
  const hedge = hedgeDelayMs === null ? 'unknown' : `${round(hedgeDelayMs)} ms`;
  const facts = [
    `strategy ${strategy}`,
    ...(mirror === null ? [] : [`local share ${percent(localShare)}`]),
    `hedged after ${hedge}`,
    ...(spilling ? [paint('yellow', 'spilling')] : []),
  ];
  const cells = [
    ...row.local.map((each) => cellsOf(each, 'local', paint)),
    ...row.remote.map((each) => cellsOf(each, 'cluster', paint)),
  ];
  const headings = ['ENDPOINT', 'KIND', 'COST', 'LATENCY', 'OPEN', 'SUCCESS', 'WEIGHT', 'STATE'];
  const body = cells.length === 0 ? 'no endpoint' : namedTable(headings, cells);
  const where = `${context}, ${pod}, worker ${worker}`;
  return [paint('bold', whom), where, facts.join(', '), body].join('\n');
}

function cellsOf(of: Endpoint, kind: string, paint: Paint): string[] {
  return [
    of.endpoint,
    kind,
    round(of.cost),
    of.latencyMs === null ? '-' : `${round(of.latencyMs)} ms`,
    String(of.inFlight),
    percent(of.success),
    String(of.weight),
    stateOf(of, paint),
  ];
}

function stateOf(of: Endpoint, paint: Paint): string {
  if (of.ejectedForMs !== null) return paint('red', `out ${round(of.ejectedForMs / 1_000)} s`);
  if (of.penalisedForMs !== null)
    return paint('yellow', `waits ${round(of.penalisedForMs / 1_000)} s`);
  if (of.weight === 0) return paint('red', 'nobody ready');
  if (of.spilling) return paint('yellow', 'spilling');
  return of.ramp < 1 ? paint('yellow', `ramp ${percent(of.ramp)}`) : 'ready';
}

function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
