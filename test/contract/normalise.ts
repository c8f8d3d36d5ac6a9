/**
 * Takes out of an answer what differs from run to run: names made up, versions, times, addresses. pure
 *
 * What is left is what two API servers must agree on, word for word.
 */
import { isObject, type Json } from '#devcluster/values/json.ts';

/** Keys whose values say nothing about behaviour; their presence does. */
const VOLATILE = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'time',
  'continue',
  'clusterIP',
  'lastTransitionTime',
  'lastUpdateTime',
  'lastTransition',
]);

const IPV4 = /\b(10|127|172|192)\.\d{1,3}\.\d{1,3}\.\d{1,3}\b/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;

/** `value` without what differs; `names` are the names a case made up. */
export function normalise(value: Json, names: readonly string[]): Json {
  if (Array.isArray(value)) return value.map((each) => normalise(each, names));
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, each]) => [
          text(key, names),
          VOLATILE.has(key) && typeof each === 'string' && each !== 'None'
            ? `<${key}>`
            : normalise(each as Json, names),
        ]),
    );
  }
  return typeof value === 'string' ? text(value, names) : value;
}

function text(value: string, names: readonly string[]): string {
  const plain = value.replace(TIME, '<time>').replace(IPV4, '<address>');
  return names.reduce((all, name) => all.replaceAll(name, '<name>'), plain);
}
