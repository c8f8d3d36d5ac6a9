/**
 * This cluster's own exports: the label on Services → ServiceExports, and which of them are valid. pure
 *
 * A ServiceExport that a user made is never changed here, and never deleted.
 */
import { LABEL_EXPORT, LABEL_MANAGED_BY, MANAGER } from '#core/names.ts';
import { exportOf } from '#kube/exported.ts';
import { isMirror } from '#kube/mirror.ts';
import { apiVersionOf, serviceExports, services } from '#kube/resources/builtin.ts';
import type { Service, ServiceExport } from '#kube/types.ts';
import { referenceTo } from './findings.ts';
import { isOurs } from './foreign.ts';
import type { Action, Finding, Member, PlanInput } from './input.ts';

/** The valid exports of this cluster, as members of their services. */
export function localMembers(
  input: Pick<PlanInput, 'cluster' | 'exports' | 'services'>,
): readonly Member[] {
  const members: Member[] = [];
  for (const [key, each] of input.exports) {
    const service = input.services.get(key);
    if (isOver(each, service)) continue;
    if (service === undefined || invalidity(each, service) !== undefined) continue;
    const { entry } = exportOf(each, service);
    members.push({ cluster: input.cluster, export: entry, assumed: false });
  }
  return members;
}

/** ServiceExports to make, and to remove, because of the label on Services. */
export function labelActions(input: Pick<PlanInput, 'exports' | 'services' | 'refused'>): {
  readonly actions: readonly Action[];
  readonly findings: readonly Finding[];
} {
  const actions: Action[] = [];
  const findings: Finding[] = [];
  for (const [key, service] of input.services) {
    if (!isLabelled(service) || isGoing(service)) continue;
    if (isMirror(service)) {
      findings.push({
        about: referenceTo(services, service),
        type: 'Warning',
        reason: 'MirrorNotExported',
        message: 'a mirror cannot be exported: export the Service in the cluster it comes from',
      });
      continue;
    }
    const existing = input.exports.get(key);
    if (existing === undefined || isOfPredecessor(existing, service)) {
      actions.push({ do: 'apply', key, kind: 'ServiceExport', object: exportFor(service) });
      const said = input.refused.get(key);
      if (said === undefined) continue;
      findings.push({
        about: referenceTo(services, service),
        type: 'Warning',
        reason: 'ExportRefused',
        message: `the ServiceExport for the label ${LABEL_EXPORT} cannot be made: ${said}: correct what forbids it, or take the label away`,
      });
    }
  }
  for (const [key, each] of input.exports) {
    if (isGoing(each) || !isWithdrawn(each, input.services.get(key))) continue;
    const { name, namespace = '', uid } = each.metadata;
    actions.push({ do: 'delete', key, kind: 'ServiceExport', name, namespace, uid });
  }
  return { actions, findings };
}

/** Why an export cannot be, in words of mcs-api v1beta1. */
interface Invalid {
  readonly reason: 'NoService' | 'InvalidServiceType';
  readonly message: string;
}

/** Whether `each` is being deleted, or soon will be because nothing asks for it any more. */
export function isOver(each: ServiceExport, service: Service | undefined): boolean {
  return isGoing(each) || isWithdrawn(each, service);
}

/** Why `each`, which names `service`, exports nothing; `undefined` where it does. */
export function invalidity(each: ServiceExport, service: Service | undefined): Invalid | undefined {
  if (service === undefined) {
    const { name, namespace } = each.metadata;
    return {
      reason: 'NoService',
      message: `metadata.name: there is no Service "${name}" in namespace "${namespace}": create it, or delete the ServiceExport`,
    };
  }
  // It may wait for a finalizer, and the gateways tell of it no longer.
  if (isGoing(service)) {
    return { reason: 'NoService', message: 'the Service is being deleted' };
  }
  if (service.spec.type === 'ExternalName') {
    return {
      reason: 'InvalidServiceType',
      message: 'spec.type of the Service is ExternalName, which has no endpoints to export',
    };
  }
  if (isMirror(service)) {
    return {
      reason: 'InvalidServiceType',
      message: 'the Service is a mirror: export it in the cluster it comes from',
    };
  }
  return undefined;
}

function exportFor(service: Service) {
  const { name, namespace = '', uid = '' } = service.metadata;
  return {
    apiVersion: apiVersionOf(serviceExports),
    kind: 'ServiceExport',
    metadata: {
      name,
      namespace,
      labels: { [LABEL_MANAGED_BY]: MANAGER },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid }],
    },
  };
}

function isLabelled(service: Service): boolean {
  return service.metadata.labels?.[LABEL_EXPORT] === 'true';
}

/** Made by us for a label that is no longer there. */
function isWithdrawn(each: ServiceExport, service: Service | undefined): boolean {
  return (
    isOurs('ServiceExport', each) &&
    !(service !== undefined && isLabelled(service) && !isMirror(service))
  );
}

/** Made by us for a Service of that name that is gone, and would go with it. */
function isOfPredecessor(each: ServiceExport, service: Service): boolean {
  const { ownerReferences } = each.metadata;
  const isOwned = ownerReferences?.some((owner) => owner.uid === service.metadata.uid) ?? false;
  return isOurs('ServiceExport', each) && !isOwned && !isGoing(each);
}

function isGoing(object: ServiceExport | Service): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}
