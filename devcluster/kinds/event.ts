/**
 * Events of both APIs, which are kept in the form of the core group. pure
 */
import { asObject, asString, type KubeObject, without } from '../values/json.ts';
import { fieldError } from '../values/status.ts';
import type { Rules } from './resources.ts';
import { checkMicroTime } from './unreadable.ts';

/** What an Event of events.k8s.io says, and one of the core group need not. */
const NEW_EVENT = ['eventTime', 'reportingController', 'reportingInstance', 'action', 'reason'];

/** Rules of Events. */
export const eventRules: Rules = {
  validate: (event, previous) => {
    if (event.apiVersion === 'events.k8s.io/v1') {
      checkMicroTime('Event', event.eventTime);
      if (previous) return [];
      return NEW_EVENT.filter((key) => asString(event[key]) === '').map((key) =>
        fieldError.required(key),
      );
    }
    const namespace = asString(event.metadata.namespace);
    const about = asString(asObject(event.involvedObject).namespace);
    return about !== '' && about !== namespace
      ? [fieldError.invalid('involvedObject.namespace', about, 'does not match event.namespace')]
      : [];
  },
};

/** events.k8s.io/v1 to core/v1, in which events are kept. */
export function eventToCore(event: KubeObject): KubeObject {
  const rest = without(
    event,
    'note',
    'regarding',
    'reportingController',
    'deprecatedSource',
    'deprecatedFirstTimestamp',
    'deprecatedLastTimestamp',
    'deprecatedCount',
  );
  return {
    ...rest,
    apiVersion: 'v1',
    kind: 'Event',
    metadata: event.metadata,
    message: event.note,
    involvedObject: event.regarding ?? {},
    reportingComponent: event.reportingController ?? '',
    reportingInstance: event.reportingInstance ?? '',
    source: event.deprecatedSource ?? {},
    firstTimestamp: event.deprecatedFirstTimestamp,
    lastTimestamp: event.deprecatedLastTimestamp,
    count: event.deprecatedCount,
  };
}

/** The inverse of {@link eventToCore}. */
export function eventFromCore(event: KubeObject): KubeObject {
  const rest = without(
    event,
    'message',
    'involvedObject',
    'reportingComponent',
    'source',
    'firstTimestamp',
    'lastTimestamp',
    'count',
  );
  return {
    ...rest,
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: event.metadata,
    note: event.message,
    regarding: event.involvedObject,
    reportingController: event.reportingComponent,
    deprecatedSource: event.source,
    deprecatedFirstTimestamp: event.firstTimestamp,
    deprecatedLastTimestamp: event.lastTimestamp,
    deprecatedCount: event.count,
  };
}
