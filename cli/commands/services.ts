/**
 * `isthmus services`: what each cluster exports, and the mirrors it has of others.
 */
import { Command } from 'commander';
import { everyContext } from '../every-context.ts';
import type { CommandContext, OutputFormat } from '../io.ts';
import { serviceRows, serviceTable } from '../listing.ts';
import { kubeconfigOption, outputOption } from '../options.ts';
import { printDocument } from '../output.ts';
import { apiServerOf, waitFor } from '../waiting.ts';

interface ServicesOptions {
  readonly kubeconfig?: string;
  readonly context?: readonly string[];
  readonly output: OutputFormat;
}

export function servicesCommand(context: CommandContext): Command {
  const { io } = context;
  return new Command('services')
    .description('list exported services and mirrors')
    .addOption(kubeconfigOption())
    .option('--context <name...>', 'only these contexts (default: all of the kubeconfig)')
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus services\n  isthmus services --context west --output json',
    )
    .action(async ({ kubeconfig, context: contexts, output }: ServicesOptions) => {
      const choice = { kubeconfig, contexts };
      const answers = await everyContext(context, choice, (cluster) =>
        waitFor(io, apiServerOf(cluster.context), serviceRows(cluster)),
      );
      const rows = answers.flat();
      if (output !== 'text') printDocument(io, output, { services: rows });
      else if (rows.length > 0) io.out(`${serviceTable(rows)}\n`);
      else io.out('no exported services and no mirrors\n');
    });
}
