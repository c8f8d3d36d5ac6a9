/**
 * `/metrics` of the API server, in the text format of Prometheus. pure
 *
 * `isthmus_devcluster_writes_total` says who wrote what; `apiserver_*` are the names the real server gives to the same
 * figures.
 */
import type { ApiContext } from './context.ts';

/** The page. */
export function metricsPage(context: ApiContext): string {
  const lines = [
    '# HELP isthmus_devcluster_writes_total Successful writes, by user, resource and verb; dry runs are not counted.',
    '# TYPE isthmus_devcluster_writes_total counter',
    ...context.writes
      .list()
      .map(
        ({ user, resource, verb, count }) =>
          `isthmus_devcluster_writes_total{user=${label(user)},resource=${label(resource)},verb=${label(verb)}} ${count}`,
      ),
    '# HELP apiserver_longrunning_requests Watches open now.',
    '# TYPE apiserver_longrunning_requests gauge',
    `apiserver_longrunning_requests{verb="WATCH"} ${context.watches.count}`,
    '# HELP apiserver_storage_objects Objects kept, by resource.',
    '# TYPE apiserver_storage_objects gauge',
    ...context.registry
      .stored()
      .map(
        ({ storage }) =>
          `apiserver_storage_objects{resource=${label(storage)}} ${context.store.list(storage).length}`,
      ),
  ];
  return `${lines.join('\n')}\n`;
}

function label(value: string): string {
  return `"${value.replace(/[\\"\n]/g, (each) => (each === '\n' ? '\\n' : `\\${each}`))}"`;
}
