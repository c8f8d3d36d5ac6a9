/**
 * `isthmus drill FILE`: breaks what the file says under load, measures, judges.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { IsthmusError } from '#core/errors.ts';
import type { Address } from '#core/network.ts';
import type { KubeClient } from '#kube/client.ts';
import { services } from '#kube/resources/builtin.ts';
import type { FailoverDrill } from '#kube/resources/failover-drill.ts';
import { networkFromSpec } from '#runtime/network.ts';
import { allContexts, openContexts } from '../contexts.ts';
import { startDemo, waitForService } from '../dev/demo.ts';
import { developmentNetwork } from '../dev/network.ts';
import { readDrill } from '../drill/file.ts';
import type { DrillReport } from '../drill/report.ts';
import { runDrill } from '../drill/run.ts';
import { drillText } from '../drill/text.ts';
import { tellingWhatWasDone } from '../interruption.ts';
import type { CommandContext, Io, OutputFormat } from '../io.ts';
import { kubeconfigOption, outputOption } from '../options.ts';
import { paintFor, printDocument, progress } from '../output.ts';

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
  const directory = await mkdtemp(join(tmpdir(), 'isthmus-drill-'));
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

async function onRunningClusters(
  drill: FailoverDrill,
  io: Io,
  kubeconfig: string | undefined,
): Promise<DrillReport> {
  const clusters = await openContexts(io, allContexts(io, kubeconfig), kubeconfig);
  try {
    const client = (name: string): KubeClient => {
      const found = clusters.find((each) => each.context === name);
      if (found) return found.client;
      throw new IsthmusError('INVALID_FILE', `the kubeconfig has no context "${name}"`, {
        field: 'spec.target.cluster',
      });
    };
    const { cluster, namespace, service, port } = drill.spec.target;
    const found = await client(cluster).get(services, service, namespace);
    const host = found?.spec.clusterIP;
    if (host === undefined) {
      throw new IsthmusError('NOT_LINKED', `${cluster} has no Service ${namespace}/${service}`, {
        field: 'spec.target.service',
      });
    }
    const address = networkFromSpec(io.env.ISTHMUS_NETWORK).locate({ host, port });
    return await run(drill, io, address, client);
  } finally {
    await Promise.all(clusters.map((each) => each.client.close()));
  }
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
  });
}
