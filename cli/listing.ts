/**
 * What one cluster exports, and the mirrors it has of others, as rows.
 */
import { ANNOTATION_CLUSTERS, ANNOTATION_TARGET } from '#core/names.ts';
import { isMirror } from '#kube/mirror.ts';
import { serviceExports, services } from '#kube/resources/builtin.ts';
import type { Service, ServiceExport } from '#kube/types.ts';
import type { ClusterContext } from './contexts.ts';
import { table } from './output.ts';

/** One line of the listing. */
export interface ServiceRow {
  readonly context: string;
  readonly namespace: string;
  readonly name: string;
  readonly kind: 'export' | 'mirror';
  /** For an export its state, for a mirror the clusters it reaches. */
  readonly detail: string;
  /** Of its first port; `null` where there is no Service address. */
  readonly address: string | null;
  readonly ports: readonly number[];
}

/** The rows of one cluster, by namespace and name. */
export async function serviceRows({ context, client }: ClusterContext): Promise<ServiceRow[]> {
  const [exported, all] = await Promise.all([client.list(serviceExports), client.list(services)]);
  const rows = [
    ...exported.map((each) => exportRow(context, each, all)),
    ...all.filter(isMirror).map((each) => mirrorRow(context, each)),
  ];
  return rows.sort((a, b) => `${a.namespace}/${a.name}`.localeCompare(`${b.namespace}/${b.name}`));
}

/** The rows for people. */
export function serviceTable(rows: readonly ServiceRow[]): string {
  const cells = rows.map((each) => [
    each.context,
    `${each.namespace}/${each.name}`,
    each.kind,
    // A mirror is nearly always in the namespace of what it stands for.
    each.kind === 'mirror' ? each.detail.replace(`${each.namespace}/`, '') : each.detail,
    each.address === null ? '-' : [each.address, ...each.ports.slice(1)].join(','),
  ]);
  return table(['CLUSTER', 'SERVICE', 'KIND', 'STATE', 'ADDRESS'], cells);
}

function exportRow(context: string, of: ServiceExport, all: readonly Service[]): ServiceRow {
  const { name, namespace = '' } = of.metadata;
  const service = all.find(
    (each) => each.metadata.name === name && each.metadata.namespace === namespace,
  );
  return { context, namespace, name, kind: 'export', detail: stateOf(of), ...reached(service) };
}

/** What the conditions say: https://multicluster.sigs.k8s.io/concepts/multicluster-services-api/. */
function stateOf({ status }: ServiceExport): string {
  const find = (type: string, value: 'True' | 'False') =>
    status?.conditions?.find((each) => each.type === type && each.status === value);
  const invalid = find('Valid', 'False');
  if (invalid) return `invalid: ${invalid.reason}`;
  const notReady = find('Ready', 'False');
  const conflict = find('Conflict', 'True');
  const known = status?.conditions?.some((each) => each.type === 'Valid');
  const state = notReady ? `not ready: ${notReady.reason}` : known ? 'exported' : 'not seen yet';
  return conflict ? `${state}, conflict: ${conflict.reason}` : state;
}

function mirrorRow(context: string, service: Service): ServiceRow {
  const { name, namespace = '', annotations } = service.metadata;
  const detail = `${annotations?.[ANNOTATION_TARGET] ?? '?'} in ${annotations?.[ANNOTATION_CLUSTERS] ?? '?'}`;
  return { context, namespace, name, kind: 'mirror', detail, ...reached(service) };
}

function reached(service: Service | undefined): Pick<ServiceRow, 'address' | 'ports'> {
  const ports = (service?.spec.ports ?? []).map((each) => each.port);
  const ip = service?.spec.clusterIP;
  const none = ip === undefined || ip === '' || ip === 'None' || ports.length === 0;
  return { address: none ? null : `${ip}:${ports[0]}`, ports };
}
