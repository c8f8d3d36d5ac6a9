/**
 * The Service of a mirror: what it has to be, and whether that is what is there. pure
 */
import { createHash } from 'node:crypto';
import {
  ANNOTATION_APPLIED,
  ANNOTATION_CLUSTERS,
  ANNOTATION_EXPORTED_AT,
  ANNOTATION_PORT_CLUSTERS,
  ANNOTATION_TARGET,
  GLOBAL,
  LABEL_MANAGED_BY,
  LABEL_MIRROR,
  MANAGER,
} from '#core/names.ts';
import type { Service, ServicePort } from '#kube/types.ts';
import type { Mirror } from './mirrors.ts';

/** The Service of `mirror`, with the `ports` that have a listener. */
export function serviceOf(mirror: Mirror, ports: readonly ServicePort[]): Service {
  const clusters = mirror.clusters.join(',');
  const byPort = mirror.ports.map((port) => [port.name, port.clusters.join(',')] as const);
  const uneven = byPort.some(([, each]) => each !== clusters);
  const annotations = {
    ...mirror.annotations,
    [ANNOTATION_TARGET]: mirror.target,
    [ANNOTATION_CLUSTERS]: clusters,
    ...(uneven ? { [ANNOTATION_PORT_CLUSTERS]: JSON.stringify(Object.fromEntries(byPort)) } : {}),
    ...(mirror.of === GLOBAL || mirror.exportedAt === ''
      ? {}
      : { [ANNOTATION_EXPORTED_AT]: mirror.exportedAt }),
  };
  const labels = {
    ...mirror.labels,
    [LABEL_MANAGED_BY]: MANAGER,
    [LABEL_MIRROR]: mirror.of,
  };
  const spec = { type: 'ClusterIP' as const, ports };
  const applied = createHash('sha256')
    .update(JSON.stringify([sortedEntries(labels), sortedEntries(annotations), spec]))
    .digest('hex')
    .slice(0, 16);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: mirror.name,
      namespace: mirror.namespace,
      labels,
      annotations: { ...annotations, [ANNOTATION_APPLIED]: applied },
    },
    spec,
  };
}

/** Whether `existing` is what was applied last, and nobody changed our part of it since. */
export function covers(existing: Service, wanted: Service): boolean {
  return (
    existing.spec.type === wanted.spec.type &&
    hasAll(existing.metadata.labels, wanted.metadata.labels) &&
    hasAll(existing.metadata.annotations, wanted.metadata.annotations) &&
    hasPorts(existing, wanted)
  );
}

/** Whether `existing` has the ports of `wanted`, each with the same name and listener. */
export function hasPorts(existing: Service, wanted: Service): boolean {
  return JSON.stringify(portKeys(existing)) === JSON.stringify(portKeys(wanted));
}

function portKeys(service: Service): readonly string[] {
  return (service.spec.ports ?? [])
    .map((port) =>
      [port.name, port.protocol ?? 'TCP', port.appProtocol, port.port, port.targetPort].join(' '),
    )
    .sort();
}

/** Whether `have` says everything that `want` says. */
export function hasAll(
  have: Readonly<Record<string, string>> | undefined,
  want: Readonly<Record<string, string>> | undefined,
): boolean {
  return Object.entries(want ?? {}).every(([key, value]) => have?.[key] === value);
}

function sortedEntries(map: Readonly<Record<string, string>>): readonly (readonly string[])[] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}
