/**
 * `isthmus services`: what each cluster exports, and the mirrors it has of others.
 */
import { Command } from 'commander';
import {
  ANNOTATION_CLUSTERS,
  ANNOTATION_TARGET,
  LABEL_MANAGED_BY,
  LABEL_MIRROR,
  MANAGER,
} from '#core/names.ts';
import { serviceExports, services } from '#kube/resources/builtin.ts';
import type { Service, ServiceExport } from '#kube/types.ts';
import { allContexts, type ClusterContext, openContexts } from '../contexts.ts';
import type { CommandContext, OutputFormat } from '../io.ts';
import { kubeconfigOption, outputOption } from '../options.ts';
import { printDocument, table } from '../output.ts';

/** One line of the listing. */
interface ServiceRow {
  readonly context: string;
  readonly namespace: string;
  readonly name: string;
  readonly kind: 'export' | 'mirror';
  /** For an export its state, for a mirror the clusters it reaches. */
  readonly detail: string;
  readonly address: string | null;
}

interface ServicesOptions {
  readonly kubeconfig?: string;
  readonly context?: readonly string[];
  readonly output: OutputFormat;
}

export function servicesCommand({ io }: CommandContext): Command {
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
      const clusters = await openContexts(io, contexts, options.kubeconfig);
      try {
        const rows = (await Promise.all(clusters.map(rowsOf))).flat();
        if (options.output !== 'text') {
          printDocument(io, options.output, { services: rows });
          return;
        }
        const cells = rows.map((each) => [
          each.context,
          each.namespace,
          each.name,
          each.kind,
          each.detail,
          each.address ?? '-',
        ]);
        const headings = ['CLUSTER', 'NAMESPACE', 'SERVICE', 'KIND', 'STATE', 'ADDRESS'];
        io.out(
          cells.length > 0
            ? `${table(headings, cells)}\n`
            : 'no exported services and no mirrors\n',
        );
      } finally {
        await Promise.all(clusters.map((each) => each.client.close()));
      }
    });
}

async function rowsOf({ context, client }: ClusterContext): Promise<ServiceRow[]> {
  const [exported, all] = await Promise.all([client.list(serviceExports), client.list(services)]);
  const rows = [
    ...exported.map((each) => exportRow(context, each, all)),
    ...all.filter(isMirror).map((each) => mirrorRow(context, each)),
  ];
  return rows.sort((a, b) => `${a.namespace}/${a.name}`.localeCompare(`${b.namespace}/${b.name}`));
}

function exportRow(context: string, of: ServiceExport, all: readonly Service[]): ServiceRow {
  const { name, namespace = '' } = of.metadata;
  const service = all.find(
    (each) => each.metadata.name === name && each.metadata.namespace === namespace,
  );
  const invalid = of.status?.conditions?.find(
    (each) => each.type === 'Valid' && each.status === 'False',
  );
  const detail = invalid ? `invalid: ${invalid.reason}` : 'exported';
  return { context, namespace, name, kind: 'export', detail, address: addressOf(service) };
}

function mirrorRow(context: string, service: Service): ServiceRow {
  const { name, namespace = '', annotations } = service.metadata;
  const detail = `${annotations?.[ANNOTATION_TARGET] ?? '?'} in ${annotations?.[ANNOTATION_CLUSTERS] ?? '?'}`;
  return { context, namespace, name, kind: 'mirror', detail, address: addressOf(service) };
}

function isMirror(service: Service): boolean {
  const { labels } = service.metadata;
  return labels?.[LABEL_MANAGED_BY] === MANAGER && labels[LABEL_MIRROR] !== undefined;
}

function addressOf(service: Service | undefined): string | null {
  const port = service?.spec.ports?.[0]?.port;
  const ip = service?.spec.clusterIP;
  return ip === undefined || port === undefined ? null : `${ip}:${port}`;
}
