/**
 * `isthmus services`: what each cluster exports, and the mirrors it has of others.
 */
import { Command } from 'commander';
import { describeError } from '#core/errors.ts';
import { allContexts, findKubeconfig, openContext } from '../contexts.ts';
import type { CommandContext, Io, OutputFormat } from '../io.ts';
import { type ServiceRow, serviceRows, serviceTable } from '../listing.ts';
import { kubeconfigOption, outputOption } from '../options.ts';
import { printDocument, warn } from '../output.ts';
import { apiServerOf, waitFor } from '../waiting.ts';

interface ServicesOptions {
  readonly kubeconfig?: string;
  readonly context?: readonly string[];
  readonly output: OutputFormat;
}

export function servicesCommand({ io, failed }: CommandContext): Command {
  return new Command('services')
    .description('list exported services and mirrors')
    .addOption(kubeconfigOption())
    .option('--context <name...>', 'only these contexts (default: all of the kubeconfig)')
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus services\n  isthmus services --context west --output json',
    )
    .action(async (options: ServicesOptions) => {
      const contexts = options.context ?? allContexts(io, options.kubeconfig);
      const paths = findKubeconfig(io, contexts, options.kubeconfig);
      const answers = await Promise.allSettled(
        contexts.map((context) => rowsOf(io, context, paths)),
      );
      // What was not waited for is no cluster that is away.
      io.signal.throwIfAborted();
      const rows = answers.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
      const errors = answers.map((each) => (each.status === 'rejected' ? each.reason : undefined));
      if (errors.every((each) => each !== undefined)) throw errors[0];
      // One cluster that is away hides no other.
      for (const [at, error] of errors.entries()) {
        if (error === undefined) continue;
        warn(io, `context ${contexts[at]}: ${describeError(error)}`);
        failed();
      }
      if (options.output !== 'text') printDocument(io, options.output, { services: rows });
      else if (rows.length > 0) io.out(`${serviceTable(rows)}\n`);
      else io.out('no exported services and no mirrors\n');
    });
}

async function rowsOf(io: Io, context: string, paths: readonly string[]): Promise<ServiceRow[]> {
  const cluster = await openContext(io, context, paths);
  try {
    return await waitFor(io, apiServerOf(context), serviceRows(cluster));
  } finally {
    await cluster.client.close();
  }
}
