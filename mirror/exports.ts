/**
 * This cluster's own exports: label → ServiceExport, and the conditions of every ServiceExport. pure
 *
 * A ServiceExport that a user made is never changed but in its status, and never deleted.
 */
import { LABEL_EXPORT, LABEL_MANAGED_BY, MANAGER } from '#core/names.ts';
import { exportOf } from '#kube/exported.ts';
import { isMirror } from '#kube/mirror.ts';
import { apiVersionOf, serviceExports } from '#kube/resources/builtin.ts';
import type { Condition, Service, ServiceExport } from '#kube/types.ts';
import { sameConditions, transition, type WantedCondition } from './conditions.ts';
import type { Action, Finding, Member, Offer, PlanInput } from './input.ts';
import { type Shortfall, shortfallMessage } from './left-out.ts';
import { type Conflict, merge } from './merge.ts';

const API_VERSION = apiVersionOf(serviceExports);

/** Why an export cannot be, in words of mcs-api v1beta1. */
interface Invalid {
  readonly reason: 'NoService' | 'InvalidServiceType';
  readonly message: string;
}

/** The valid exports of this cluster, as members of their services. */
export function localMembers(
  input: Pick<PlanInput, 'cluster' | 'exports' | 'services'>,
): readonly Member[] {
  const members: Member[] = [];
  for (const [key, each] of input.exports) {
    const service = input.services.get(key);
    if (service === undefined || invalidity(service) !== undefined) continue;
    if (isGoing(each) || isWithdrawn(each, service)) continue;
    const { entry } = exportOf(each, service);
    members.push({ cluster: input.cluster, export: entry, assumed: false });
  }
  return members;
}

/** ServiceExports to make, and to remove, because of the label on Services. */
export function labelActions(input: Pick<PlanInput, 'exports' | 'services'>): {
  readonly actions: readonly Action[];
  readonly findings: readonly Finding[];
} {
  const actions: Action[] = [];
  const findings: Finding[] = [];
  for (const [key, service] of input.services) {
    if (!isLabelled(service) || isGoing(service)) continue;
    if (isMirror(service)) {
      findings.push({
        about: { apiVersion: 'v1', kind: 'Service', ...reference(service) },
        type: 'Warning',
        reason: 'MirrorNotExported',
        message: 'a mirror cannot be exported: export the Service in the cluster it comes from',
      });
      continue;
    }
    const wanted = exportFor(service);
    const existing = input.exports.get(key);
    if (existing === undefined || (isOurs(existing) && !isOwnedBy(existing, service))) {
      if (existing === undefined || !isGoing(existing)) {
        actions.push({ do: 'apply', key, kind: 'ServiceExport', object: wanted });
      }
    }
  }
  for (const [key, each] of input.exports) {
    if (isGoing(each) || !isWithdrawn(each, input.services.get(key))) continue;
    const { name, namespace = '', uid } = each.metadata;
    actions.push({ do: 'delete', key, kind: 'ServiceExport', name, namespace, uid });
  }
  return { actions, findings };
}

/** Conditions of every ServiceExport that are not what they have to be. */
export function exportStatusActions(
  input: Pick<PlanInput, 'exports' | 'services' | 'now'>,
  offers: ReadonlyMap<string, Offer>,
  wanting: ReadonlyMap<string, Shortfall>,
): readonly Action[] {
  const actions: Action[] = [];
  for (const [key, each] of input.exports) {
    const service = input.services.get(key);
    if (isGoing(each) || isWithdrawn(each, service)) continue;
    const wanted = conditionsOf(each, service, offers.get(key), wanting.get(key));
    const known = each.status?.conditions ?? [];
    if (sameConditions(known, wanted)) continue;
    const conditions: readonly Condition[] = transition(known, wanted, input.now);
    const { name, namespace = '' } = each.metadata;
    const object = {
      apiVersion: API_VERSION,
      kind: 'ServiceExport',
      metadata: { name, namespace },
      status: { conditions },
    };
    actions.push({ do: 'status', key, kind: 'ServiceExport', object });
  }
  return actions;
}

function conditionsOf(
  each: ServiceExport,
  service: Service | undefined,
  offer: Offer | undefined,
  shortfall: Shortfall | undefined,
): readonly WantedCondition[] {
  const invalid = service === undefined ? noService(each) : invalidity(service);
  const generation = each.metadata.generation;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  if (invalid !== undefined) {
    const { reason, message } = invalid;
    return [
      { type: 'Valid', status: 'False', reason, message, ...observed },
      { type: 'Ready', status: 'False', reason: 'Pending', message, ...observed },
    ];
  }
  const headless = service?.spec.clusterIP === 'None';
  const conflicts = offer && offer.members.length > 1 ? merge(offer.members).conflicts : [];
  return [
    {
      type: 'Valid',
      status: 'True',
      reason: 'Valid',
      message: 'the Service can be exported',
      ...observed,
    },
    { ...readiness(headless, shortfall), ...observed },
    { ...conflictCondition(conflicts), ...observed },
  ];
}

function readiness(headless: boolean, shortfall: Shortfall | undefined): WantedCondition {
  if (headless) {
    const message = 'headless Services are announced, but not mirrored by this release';
    return { type: 'Ready', status: 'False', reason: 'Pending', message };
  }
  const wanting = shortfall === undefined ? '' : shortfallMessage(shortfall);
  if (shortfall !== undefined && shortfall.untold.length > 0) {
    return { type: 'Ready', status: 'False', reason: 'Failed', message: wanting };
  }
  const announced = 'announced to every linked cluster that the selector of its Link admits';
  const message = wanting === '' ? announced : `${announced}; ${wanting}`;
  return { type: 'Ready', status: 'True', reason: 'Exported', message };
}

function conflictCondition(conflicts: readonly Conflict[]): WantedCondition {
  if (conflicts.length === 0) {
    return { type: 'Conflict', status: 'False', reason: 'NoConflicts', message: 'no conflicts' };
  }
  const reasons = [...new Set(conflicts.map((each) => each.reason))];
  const message = conflicts.map((each) => each.message).join('; ');
  return {
    type: 'Conflict',
    status: 'True',
    reason: reasons.join(','),
    message: message.slice(0, 4_096),
  };
}

function noService(each: ServiceExport): Invalid {
  const { name, namespace } = each.metadata;
  return {
    reason: 'NoService',
    message: `metadata.name: there is no Service "${name}" in namespace "${namespace}": create it, or delete the ServiceExport`,
  };
}

function invalidity(service: Service): Invalid | undefined {
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
    apiVersion: API_VERSION,
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
  return isOurs(each) && !(service !== undefined && isLabelled(service) && !isMirror(service));
}

function isOurs(each: ServiceExport): boolean {
  return each.metadata.labels?.[LABEL_MANAGED_BY] === MANAGER;
}

function isOwnedBy(each: ServiceExport, service: Service): boolean {
  return (
    each.metadata.ownerReferences?.some((owner) => owner.uid === service.metadata.uid) ?? false
  );
}

function isGoing(object: ServiceExport | Service): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

function reference(service: Service) {
  const { name, namespace = '', uid } = service.metadata;
  return { name, namespace, ...(uid === undefined ? {} : { uid }) };
}
