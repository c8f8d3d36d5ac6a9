/**
 * `isthmus drill FILE`: breaks what the file says under load, measures, judges.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { codeOf, describeError, IsthmusError } from '#core/errors.ts';
import { CLUSTER_CONFIG_MAP, SYSTEM_NAMESPACE } from '#core/names.ts';
import type { Address } from '#core/network.ts';
import { poll } from '#core/poll.ts';
import type { KubeClient } from '#kube/client.ts';
import { configMaps, links, services } from '#kube/resources/builtin.ts';
import type { FailoverDrill } from '#kube/resources/failover-drill.ts';
import { networkFromSpec } from '#runtime/network.ts';
import { allContexts, openContexts } from '../contexts.ts';
import { EAST, startDemo, WEST, waitForService } from '../dev/demo.ts';
import { developmentNetwork } from '../dev/network.ts';
import { checkClusters, checkShares, targetHost } from '../drill/check.ts';
import { readDrill } from '../drill/file.ts';
import type { DrillReport } from '../drill/report.ts';
import { runDrill } from '../drill/run.ts';
import { drillText } from '../drill/text.ts';
import { tellingWhatWasDone } from '../interruption.ts';
import type { CommandContext, Io, OutputFormat } from '../io.ts';
import { kubeconfigOption, outputOption } from '../options.ts';
import { paintFor, printDocument, progress } from '../output.ts';
import { apiServerOf, waitFor } from '../waiting.ts';

/** How long after linking a Service may appear; usually it takes less than a second. */
const MIRRORS_MS = 8_000;
const POLL_MS = 100;

interface DrillOptions {
  readonly dev?: boolean;
  readonly kubeconfig?: string;
  readonly output: OutputFormat;
}

export function drillCommand(context: CommandContext): Command {
  const { io } = context;
  return new Command('drill')
    .description('run a failover drill and judge it')
    .argument('<file>', 'a FailoverDrill, such as manifests/drills/local-outage.yaml')
    .option('--dev', 'boot two embedded clusters of its own for the drill')
    .addOption(kubeconfigOption())
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Examples:
  isthmus drill manifests/drills/local-outage.yaml --dev
  isthmus drill manifests/drills/local-outage.yaml   # on a running isthmus dev
  isthmus drill FILE --dev --output json | jq .passed

Exits 0 when every expectation was met, 1 when one was not.`,
    )
    .action(async (file: string, options: DrillOptions) => {
      const drill = readDrill(file);
      const report = options.dev
        ? await onOwnClusters(drill, io)
        : await onRunningClusters(drill, io, options.kubeconfig);
      if (options.output === 'text') io.out(drillText(report, paintFor(io)));
      else printDocument(io, options.output, report);
      if (!report.passed) context.failed();
    });
}

/** Clusters that live as long as the drill, on addresses of their own. */
async function onOwnClusters(drill: FailoverDrill, io: Io): Promise<DrillReport> {
  checkClusters(drill, [WEST, EAST]);
  checkShares(drill, [WEST, EAST]);
  const directory = await temporaryFolder();
  const drilling = async () => {
    const networkSpec = await developmentNetwork(io, directory);
    const demo = await startDemo({
      io,
      directory,
      link: true,
      networkSpec,
      onProgress: (text) => progress(io, text),
    });
    try {
      const { target } = drill.spec;
      await appearance(drill, demo.cluster(target.cluster).client, io);
      const address = await waitForService(demo, target.cluster, target, io, networkSpec);
      return await run(drill, io, address, (name) => demo.cluster(name).client);
    } finally {
      await demo.stop();
    }
  };
  try {
    return await tellingWhatWasDone(drilling(), () => 'its clusters are ended');
  } finally {
    // A process that was just killed may still be at its last write.
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}

async function temporaryFolder(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'isthmus-drill-'));
  } catch (error) {
    const message = `no folder can be made for the clusters of the drill: ${describeError(error)}`;
    throw new IsthmusError('INVALID_CONFIG', message, {
      field: 'TMPDIR',
      next: 'Set the variable TMPDIR to a folder you may write to.',
      cause: error,
    });
  }
}

/** Resolves when the target is there: mirrors appear a moment after linking. Throws `INVALID_FILE` where it is not. */
async function appearance(drill: FailoverDrill, client: KubeClient, io: Io): Promise<void> {
  const { clock, signal } = io;
  let why: unknown;
  await poll(
    { clock, everyMs: POLL_MS, forMs: MIRRORS_MS, signal },
    async () => {
      try {
        return targetHost(drill, await client.list(services));
      } catch (error) {
        if (codeOf(error) !== 'INVALID_FILE') throw error;
        why = error;
        return undefined;
      }
    },
    () => why,
  );
}

async function onRunningClusters(
  drill: FailoverDrill,
  io: Io,
  kubeconfig: string | undefined,
): Promise<DrillReport> {
  const contexts = allContexts(io, kubeconfig);
  checkClusters(drill, contexts);
  const clusters = await openContexts(io, contexts, kubeconfig);
  try {
    const client = (name: string): KubeClient => {
      const found = clusters.find((each) => each.context === name);
      if (found) return found.client;
      throw new IsthmusError('INTERNAL', `no context "${name}" was checked`);
    };
    const { cluster, port } = drill.spec.target;
    const target = client(cluster);
    const host = targetHost(drill, await waitFor(io, apiServerOf(cluster), target.list(services)));
    checkShares(drill, await waitFor(io, apiServerOf(cluster), answering(target)));
    const address = networkFromSpec(io.env.ISTHMUS_NETWORK).locate({ host, port });
    return await run(drill, io, address, client);
  } finally {
    await Promise.all(clusters.map((each) => each.client.close()));
  }
}

/** Clusters whose pods can answer a client of this one: itself, and those it is linked to. */
async function answering(client: KubeClient): Promise<string[]> {
  const [own, peers] = await Promise.all([
    client.get(configMaps, CLUSTER_CONFIG_MAP, SYSTEM_NAMESPACE),
    client.list(links, { namespace: SYSTEM_NAMESPACE }),
  ]);
  return [own?.data?.clusterName, ...peers.map((each) => each.clusterName)].flatMap(
    (each) => each ?? [],
  );
}

function run(
  drill: FailoverDrill,
  io: Io,
  address: Address,
  client: (cluster: string) => KubeClient,
): Promise<DrillReport> {
  const { clock, random, signal } = io;
  return runDrill(drill, {
    clock,
    random,
    signal,
    address,
    client,
    onStep: (step, index) =>
      progress(io, `step ${index + 1}/${drill.spec.steps.length} ${step.name}: ${step.seconds} s`),
    onLongLift: ({ type, cluster }) =>
      progress(io, `waiting for ${apiServerOf(cluster)} to lift ${type} …`),
  });
}
