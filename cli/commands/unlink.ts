/**
 * `isthmus unlink A B`: removes exactly what linking made.
 */
import { Command } from 'commander';
import { codeOf, describeError, ERRORS, IsthmusError } from '#core/errors.ts';
import { SYSTEM_NAMESPACE } from '#core/names.ts';
import { type ClusterContext, openContexts } from '../contexts.ts';
import { interruptible, tellingWhatWasDone } from '../interruption.ts';
import type { CommandContext, Io, OutputFormat } from '../io.ts';
import { checkLink, checkNames, factsOf, removeLink, waitUnlinked } from '../linking.ts';
import { kubeconfigOption, outputOption, timeoutOption } from '../options.ts';
import { paintFor, printDocument, progress } from '../output.ts';
import { waitFor } from '../waiting.ts';

interface UnlinkOptions {
  readonly kubeconfig?: string;
  readonly output: OutputFormat;
  readonly timeout: number;
}

export function unlinkCommand({ io }: CommandContext): Command {
  return new Command('unlink')
    .description('remove the link between two clusters, and its mirrors')
    .argument('<context-a>', 'kubeconfig context of one cluster')
    .argument('<context-b>', 'kubeconfig context of the other')
    .addOption(kubeconfigOption())
    .addOption(outputOption())
    .addOption(timeoutOption(30))
    .addHelpText('after', '\nExample:\n  isthmus unlink kind-west kind-east')
    .action(async (a: string, b: string, options: UnlinkOptions) => {
      const [one, two] = await openContexts(io, [a, b], options.kubeconfig);
      if (!one || !two) throw new Error('two contexts make two clients');
      try {
        const [first, second] = await bothFacts(io, one, two);
        checkNames(first, second, 'Name the contexts of two clusters that are linked.');
        const checking = Promise.all([checkLink(one, second.name), checkLink(two, first.name)]);
        await waitFor(io, `the API servers of ${a} and ${b}`, checking);
        const removing = Promise.all([removeLink(one, second.name), removeLink(two, first.name)]);
        const removed = await tellingWhatWasDone(
          waitFor(io, `the API servers of ${a} and ${b}`, removing),
          () => 'each of the two Links may be deleted or not',
        );
        progress(io, `waiting until the mirrors of ${first.name} and ${second.name} are gone …`);
        const timeoutMs = options.timeout * 1_000;
        const waiting = Promise.all([
          waitUnlinked(one, second.name, io.clock, timeoutMs, io.signal),
          waitUnlinked(two, first.name, io.clock, timeoutMs, io.signal),
        ]);
        await tellingWhatWasDone(
          interruptible(io.signal, waiting),
          () => 'both Links are deleted, and some mirrors may not be gone yet',
        );
        if (!removed.includes(true)) {
          throw new IsthmusError('NOT_LINKED', `${first.name} and ${second.name} are not linked`);
        }
        if (options.output !== 'text') {
          printDocument(io, options.output, { unlinked: [first.name, second.name] });
          return;
        }
        io.out(
          `${paintFor(io)('green', '✓')} ${first.name} and ${second.name} are no longer linked\n`,
        );
      } finally {
        await Promise.all([one.client.close(), two.client.close()]);
      }
    });
}

/** What both clusters say of themselves; where one cannot be reached, also how the other is rid of it. */
async function bothFacts(io: Io, one: ClusterContext, two: ClusterContext) {
  const asked = [factsOf(io, one), factsOf(io, two)] as const;
  try {
    return await Promise.all(asked);
  } catch (error) {
    const answers = await Promise.allSettled(asked);
    const there = [one, two].find((_, at) => answers[at]?.status === 'fulfilled');
    if (there === undefined || codeOf(error) !== 'CLUSTER_UNREACHABLE') throw error;
    const command = `kubectl --context ${there.context} -n ${SYSTEM_NAMESPACE} delete link NAME`;
    throw new IsthmusError('CLUSTER_UNREACHABLE', describeError(error), {
      next: `${ERRORS.CLUSTER_UNREACHABLE.next} If it is gone for good, delete its Link alone: ${command}`,
      cause: error,
    });
  }
}
