/**
 * Faults of a drill, as the embedded cluster's `/faults` wants them said. pure
 *
 * Real clusters have no such path: there a drill fails when it comes to its first fault.
 */

import { SYSTEM_NAMESPACE } from '#core/names.ts';
import type { ApiFaultWish } from '#devcluster/faults/api-fault.ts';
import type { DestroyPods, DrillFault, DrillPartition } from '#kube/resources/failover-drill.ts';

/** One call that breaks something, and one that mends it; absent: it mends itself when its time is up. */
export interface FaultCalls {
  /** Whose API server is called. */
  readonly cluster: string;
  /** What is to be done before the load begins, so that the fault meets connections that were there before it. */
  readonly prepare?: { readonly path: string; readonly body: object };
  readonly inject: { readonly path: string; readonly body: object };
  /** `answer` is what the injection was answered with. */
  lift(answer: unknown): { readonly path: string; readonly body: object } | undefined;
  /** The field of the answer that lists what was hit, where hitting nothing is a mistake in the drill. */
  readonly hits: 'destroyed' | 'broken' | undefined;
}

/** The calls for `fault`, which is to last for `seconds`: one, or one for each cluster that has a part in it. */
export function faultCalls(fault: DrillFault, seconds: number): FaultCalls[] {
  if (fault.type === 'partition') return partitionCalls(fault);
  return [{ cluster: fault.cluster, ...clusterCalls(fault, seconds) }];
}

function clusterCalls(
  fault: Exclude<DrillFault, DrillPartition>,
  seconds: number,
): Omit<FaultCalls, 'cluster'> {
  switch (fault.type) {
    case 'destroyPods':
      return destroyCalls(fault);
    case 'killComponent':
    case 'freezeComponent': {
      const target = {
        namespace: SYSTEM_NAMESPACE,
        selector: `app.kubernetes.io/component=${fault.component}`,
      };
      const how = fault.type === 'killComponent' ? 'kill' : 'freeze';
      return {
        inject: { path: '/faults/processes/break', body: { ...target, how } },
        lift: () => ({ path: '/faults/processes/restore', body: target }),
        hits: 'broken',
      };
    }
    case 'partitionApiServer': {
      const user = `system:serviceaccount:${SYSTEM_NAMESPACE}:isthmus-${fault.component}`;
      return apiCalls({ type: 'apiServerSilent', match: { users: [user] } }, seconds);
    }
    case 'watchesCut':
      return apiCalls(
        { type: fault.expireVersions ? 'expiredVersions' : 'watchCut', everyMs: fault.everyMs },
        seconds,
      );
    case 'clockSkew':
      return apiCalls({ type: 'clockSkew', offsetMs: fault.offsetSeconds * 1_000 }, seconds);
    case 'apiServerSlow':
    case 'apiServerErrors': {
      const { cluster: _, ...rest } = fault;
      return apiCalls({ ...rest, match: COMPONENTS }, seconds);
    }
    default:
      return apiCalls({ type: fault.type }, seconds);
  }
}

/** The drill itself must still be heard, to lift what it did. */
const COMPONENTS = { users: ['system:serviceaccount:*'] };

/** Each cluster stops what its own components dial. */
function partitionCalls(fault: DrillPartition): FaultCalls[] {
  const { cluster, from, to, how, delayMs, oneWay } = fault;
  const sides = [{ cluster, from, to }];
  if (to.cluster !== undefined && !oneWay)
    sides.push({ cluster: to.cluster, from: 'gateway', to: { component: 'gateway', cluster } });
  return sides.map((side) => {
    const pair = { from: side.from, to: side.to };
    return {
      cluster: side.cluster,
      prepare: { path: '/faults/partitions/prepare', body: pair },
      inject: { path: '/faults/partitions', body: { ...pair, how, delayMs } },
      lift: (answer) => ({ path: '/faults/partitions/heal', body: { id: idOf(answer) } }),
      hits: undefined,
    };
  });
}

function destroyCalls({ namespace, selector }: DestroyPods): Omit<FaultCalls, 'cluster'> {
  return {
    inject: { path: '/faults/pods/destroy', body: { namespace, selector, hold: true } },
    lift: () => ({ path: '/faults/pods/restore', body: { namespace, selector } }),
    hits: 'destroyed',
  };
}

function apiCalls(fault: ApiFaultWish, seconds: number): Omit<FaultCalls, 'cluster'> {
  return {
    inject: { path: '/faults/inject', body: { fault, seconds } },
    lift: (answer) =>
      // A server that is down cannot be told to come back: it does by itself, and `injection.ts` says when.
      fault.type === 'apiServerDown'
        ? undefined
        : { path: '/faults/lift', body: { id: idOf(answer) } },
    hits: undefined,
  };
}

function idOf(answer: unknown): string | undefined {
  return typeof answer === 'object' && answer !== null && 'id' in answer
    ? String(answer.id)
    : undefined;
}
