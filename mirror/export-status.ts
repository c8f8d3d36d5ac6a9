/**
 * The conditions of every ServiceExport, in words of mcs-api v1beta1. pure
 */
import { serviceExports } from '#kube/resources/builtin.ts';
import type { Service, ServiceExport } from '#kube/types.ts';
import {
  conditionsOf,
  sameConditions,
  statusObject,
  transition,
  type Verdict,
} from './conditions.ts';
import { invalidity, isOver } from './exports.ts';
import type { Action, Offer, PlanInput } from './input.ts';
import { type Shortfall, shortfallMessage } from './left-out.ts';
import { type Conflict, merge } from './merge.ts';

/** Longest of what a condition says (metav1.Condition allows eight times as much). */
const MESSAGE_MAX = 4_096;

/** Conditions of every ServiceExport that are not what they have to be. */
export function exportStatusActions(
  input: Pick<PlanInput, 'exports' | 'services' | 'now'>,
  offers: ReadonlyMap<string, Offer>,
  wanting: ReadonlyMap<string, Shortfall>,
): readonly Action[] {
  const actions: Action[] = [];
  for (const [key, each] of input.exports) {
    const service = input.services.get(key);
    if (isOver(each, service)) continue;
    const wanted = conditionsOf(each, judge(each, service, offers.get(key), wanting.get(key)));
    const known = each.status?.conditions ?? [];
    if (sameConditions(known, wanted)) continue;
    const status = { conditions: transition(known, wanted, input.now) };
    const object = statusObject(serviceExports, each, status);
    actions.push({ do: 'status', key, kind: 'ServiceExport', object });
  }
  return actions;
}

function judge(
  each: ServiceExport,
  service: Service | undefined,
  offer: Offer | undefined,
  shortfall: Shortfall | undefined,
): Readonly<Record<string, Verdict>> {
  const invalid = invalidity(each, service);
  if (invalid !== undefined) {
    const { reason, message } = invalid;
    return {
      Valid: { status: 'False', reason, message },
      Ready: { status: 'False', reason: 'Pending', message },
    };
  }
  const conflicts = offer && offer.members.length > 1 ? merge(offer.members).conflicts : [];
  return {
    Valid: { status: 'True', reason: 'Valid', message: 'the Service can be exported' },
    Ready: readiness(service?.spec.clusterIP === 'None', shortfall),
    Conflict: conflict(conflicts),
  };
}

function readiness(headless: boolean, shortfall: Shortfall | undefined): Verdict {
  if (headless) {
    const message = 'headless Services are announced, but not mirrored by this release';
    return { status: 'False', reason: 'Pending', message };
  }
  const wanting = shortfall === undefined ? '' : shortfallMessage(shortfall);
  if (shortfall !== undefined && shortfall.untold.length > 0) {
    return { status: 'False', reason: 'Failed', message: wanting };
  }
  const announced = 'announced to every linked cluster that the selector of its Link admits';
  const message = wanting === '' ? announced : `${announced}; ${wanting}`;
  return { status: 'True', reason: 'Exported', message };
}

function conflict(conflicts: readonly Conflict[]): Verdict {
  if (conflicts.length === 0) {
    return { status: 'False', reason: 'NoConflicts', message: 'no conflicts' };
  }
  const reasons = [...new Set(conflicts.map((each) => each.reason))];
  const message = conflicts.map((each) => each.message).join('; ');
  return {
    status: 'True',
    reason: reasons.join(','),
    message: message.slice(0, MESSAGE_MAX),
  };
}
