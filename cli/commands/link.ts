/**
 * `isthmus link A B`: links two clusters, both directions.
 */
import { Command } from 'commander';
import type { ClusterContext } from '../contexts.ts';
import { openContexts } from '../contexts.ts';
import { interruptible, tellingWhatWasDone } from '../interruption.ts';
import type { CommandContext, OutputFormat } from '../io.ts';
import {
  applyLink,
  checkLink,
  checkNames,
  checkPair,
  factsOf,
  linkManifest,
  waitLinked,
} from '../linking.ts';
import { kubeconfigOption, outputOption, timeoutOption } from '../options.ts';
import { paintFor, printDocument, progress } from '../output.ts';
import { waitFor } from '../waiting.ts';

interface LinkOptions {
  readonly kubeconfig?: string;
  readonly output: OutputFormat;
  readonly timeout: number;
  readonly wait: boolean;
  readonly dryRun?: boolean;
}

export function linkCommand({ io }: CommandContext): Command {
  return new Command('link')
    .description('link two clusters, both directions')
    .argument('<context-a>', 'kubeconfig context of one cluster')
    .argument('<context-b>', 'kubeconfig context of the other')
    .addOption(kubeconfigOption())
    .addOption(outputOption())
    .addOption(timeoutOption(30))
    .option('--no-wait', 'do not wait until the link is up')
    .option('--dry-run', 'print the Links and change nothing')
    .addHelpText(
      'after',
      `
Examples:
  isthmus link kind-west kind-east
  isthmus link west east --dry-run --output yaml    # the objects, for GitOps`,
    )
    .action(async (a: string, b: string, options: LinkOptions) => {
      const [one, two] = await openContexts(io, [a, b], options.kubeconfig);
      if (!one || !two) throw new Error('two contexts make two clients');
      try {
        await link(io, one, two, options);
      } finally {
        await Promise.all([one.client.close(), two.client.close()]);
      }
    });
}

async function link(
  io: CommandContext['io'],
  one: ClusterContext,
  two: ClusterContext,
  options: LinkOptions,
): Promise<void> {
  const [first, second] = await Promise.all([factsOf(io, one), factsOf(io, two)]);
  if (one.context === two.context) checkNames(first, second, 'Name the contexts of two clusters.');
  checkPair(first, second);
  if (options.dryRun) {
    const items = [
      { context: one.context, link: linkManifest(second) },
      { context: two.context, link: linkManifest(first) },
    ];
    printDocument(io, options.output === 'text' ? 'yaml' : options.output, items);
    return;
  }
  // Before either is written, so that no half of a link is left where one cannot be.
  const checking = Promise.all([checkLink(one, second.name), checkLink(two, first.name)]);
  await waitFor(io, `the API servers of ${one.context} and ${two.context}`, checking);
  const writing = Promise.all([applyLink(one.client, second), applyLink(two.client, first)]);
  await tellingWhatWasDone(
    waitFor(io, `the API servers of ${one.context} and ${two.context}`, writing),
    () => 'each of the two Links may be written or not',
  );
  if (options.wait) {
    progress(io, `waiting until ${first.name} and ${second.name} are linked …`);
    const timeoutMs = options.timeout * 1_000;
    const waiting = Promise.all([
      waitLinked(one, second.name, io.clock, timeoutMs, io.signal),
      waitLinked(two, first.name, io.clock, timeoutMs, io.signal),
    ]);
    await tellingWhatWasDone(
      interruptible(io.signal, waiting),
      () => 'both Links are written, and not connected yet',
    );
  }
  const result = { linked: [first.name, second.name], connected: options.wait };
  if (options.output !== 'text') {
    printDocument(io, options.output, result);
    return;
  }
  const paint = paintFor(io);
  const both = `${first.name} and ${second.name}`;
  io.out(
    options.wait
      ? `${paint('green', '✓')} ${both} are linked\n`
      : `the Links of ${both} are written; whether they connect was not waited for\n`,
  );
}
