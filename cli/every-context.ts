/**
 * One question to several clusters at once: a cluster that is away hides no other.
 */
import { describeError } from '#core/errors.ts';
import { allContexts, findKubeconfig, type OpenContext, openContext } from './contexts.ts';
import type { CommandContext } from './io.ts';
import { warn } from './output.ts';

/** Which clusters: those of `contexts`, else of every context of the kubeconfig. */
export interface ContextChoice {
  readonly kubeconfig: string | undefined;
  readonly contexts: readonly string[] | undefined;
}

/**
 * What `ask` resolves with for each cluster, in the order of the contexts. One that cannot say is warned of and makes
 * the command fail; where none can, the reason of the first is thrown, and after an interruption that.
 */
export async function everyContext<T>(
  { io, failed }: CommandContext,
  { kubeconfig, contexts = allContexts(io, kubeconfig) }: ContextChoice,
  ask: (cluster: OpenContext) => Promise<T>,
): Promise<readonly T[]> {
  const paths = findKubeconfig(io, contexts, kubeconfig);
  const answers = await Promise.allSettled(
    contexts.map(async (context) => {
      const cluster = await openContext(io, context, paths);
      try {
        return await ask(cluster);
      } finally {
        await cluster.client.close();
      }
    }),
  );
  // What was not waited for is no cluster that is away.
  io.signal.throwIfAborted();
  const errors = answers.map((each) => (each.status === 'rejected' ? each.reason : undefined));
  if (errors.every((each) => each !== undefined)) throw errors[0];
  for (const [at, error] of errors.entries()) {
    if (error === undefined) continue;
    warn(io, `context ${contexts[at]}: ${describeError(error)}`);
    failed();
  }
  return answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
}
