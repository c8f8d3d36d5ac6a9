/**
 * Columns of `kubectl get pods`. pure
 */
import {
  asList,
  asNumber,
  asObject,
  asObjects,
  asString,
  at,
  type JsonObject,
} from '../values/json.ts';
import { AGE, column, NAME, wide } from './column.ts';
import type { Column } from './resources.ts';

function podStatus(pod: JsonObject): string {
  const status = asObject(pod.status);
  let reason = asString(status.reason) || asString(status.phase);
  for (const container of asObjects(status.containerStatuses)) {
    const state = asObject(container.state);
    const why =
      asString(at(state, 'waiting', 'reason')) || asString(at(state, 'terminated', 'reason'));
    if (why !== '') reason = why;
  }
  return at(pod, 'metadata', 'deletionTimestamp') === undefined ? reason : 'Terminating';
}

/** See the file header. */
export const POD: readonly Column[] = [
  NAME,
  column('Ready', (pod) => {
    const statuses = asObjects(at(pod, 'status', 'containerStatuses'));
    const ready = statuses.filter((item) => item.ready === true).length;
    return `${ready}/${asList(at(pod, 'spec', 'containers')).length}`;
  }),
  column('Status', podStatus),
  column('Restarts', (pod) =>
    String(
      asObjects(at(pod, 'status', 'containerStatuses')).reduce(
        (sum, item) => sum + asNumber(item.restartCount),
        0,
      ),
    ),
  ),
  AGE,
  wide('IP', (pod) => asString(at(pod, 'status', 'podIP')) || '<none>'),
  wide('Node', (pod) => asString(at(pod, 'spec', 'nodeName')) || '<none>'),
  wide('Nominated Node', () => '<none>'),
  wide('Readiness Gates', () => '<none>'),
];
