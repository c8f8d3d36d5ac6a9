/**
 * Requests, counted without allocating: plain numbers on the data path, Prometheus' shapes only when
 * somebody asks.
 */
import type { MetricValue, Registry } from 'prom-client';
import type { RequestReport } from './http/route.ts';

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const LATENCY = 'isthmus_request_duration_seconds';

/** What is known of one service as one cluster answers it. */
class Cell {
  /** Requests by upper bound, not summed up; the last has none. */
  readonly buckets = new Array<number>(BUCKETS_S.length + 1).fill(0);
  readonly statuses = new Map<number, number>();
  readonly codes = new Map<string, number>();
  sumSeconds = 0;
  count = 0;
  retries = 0;
  hedges = 0;
  carried = 0;
  failed = 0;
}

export class RequestMetrics {
  readonly #cells = new Map<string, Map<string, Cell>>();

  /** Registers what it counts with `registry`. */
  constructor(registry: Registry) {
    const add = (name: string, help: string, type: string, values: () => MetricValue<string>[]) =>
      registry.registerMetric({
        name,
        help,
        type,
        aggregator: 'sum',
        // A registry asks its metrics by this name.
        get: async () => ({ name, help, type, aggregator: 'sum', values: values() }),
        reset: () => this.#cells.clear(),
      } as unknown as Parameters<Registry['registerMetric']>[0]);
    add(
      'isthmus_requests_total',
      'Requests answered, by service, by the cluster that answered (empty: none) and by status.',
      'counter',
      () => [...this.#requests()],
    );
    add(LATENCY, 'From the head of a request to the end of its answer.', 'histogram', () => [
      ...this.#latencies(),
    ]);
    add(
      'isthmus_retries_total',
      'Attempts after a failed one, by the cluster that answered in the end.',
      'counter',
      () => [
        ...this.#each((cell, labels) =>
          cell.retries > 0 ? [{ value: cell.retries, labels }] : [],
        ),
      ],
    );
    add(
      'isthmus_hedges_total',
      'Second attempts beside a slow first one, by the cluster that answered in the end.',
      'counter',
      () => [
        ...this.#each((cell, labels) => (cell.hedges > 0 ? [{ value: cell.hedges, labels }] : [])),
      ],
    );
    add(
      'isthmus_opaque_connections_total',
      'Opaque connections, by service, by the cluster that took them, and outcome.',
      'counter',
      () => [...this.#connections()],
    );
  }

  /** Counts one finished request or connection. */
  count(report: RequestReport): void {
    const cell = this.#cell(report.service, report.cluster ?? '');
    if (report.opaque) {
      if (report.code === undefined) cell.carried += 1;
      else cell.failed += 1;
      return;
    }
    const { status, code, attempts, hedges } = report;
    if (code === undefined) cell.statuses.set(status, (cell.statuses.get(status) ?? 0) + 1);
    else {
      const key = `${status} ${code}`;
      cell.codes.set(key, (cell.codes.get(key) ?? 0) + 1);
    }
    const seconds = report.latencyMs / 1_000;
    let at = 0;
    while (at < BUCKETS_S.length && seconds > (BUCKETS_S[at] as number)) at += 1;
    cell.buckets[at] = (cell.buckets[at] as number) + 1;
    cell.sumSeconds += seconds;
    cell.count += 1;
    if (attempts > 1) cell.retries += attempts - 1 - hedges;
    cell.hedges += hedges;
  }

  #cell(service: string, cluster: string): Cell {
    let clusters = this.#cells.get(service);
    if (clusters === undefined) {
      clusters = new Map();
      this.#cells.set(service, clusters);
    }
    let cell = clusters.get(cluster);
    if (cell === undefined) {
      cell = new Cell();
      clusters.set(cluster, cell);
    }
    return cell;
  }

  *#each(
    values: (cell: Cell, labels: { service: string; cluster: string }) => MetricValue<string>[],
  ): Generator<MetricValue<string>> {
    for (const [service, clusters] of this.#cells) {
      for (const [cluster, cell] of clusters) yield* values(cell, { service, cluster });
    }
  }

  #requests(): Iterable<MetricValue<string>> {
    return this.#each((cell, labels) => [
      ...[...cell.statuses].map(([status, value]) => ({
        value,
        labels: { ...labels, status: String(status), code: '' },
      })),
      ...[...cell.codes].map(([key, value]) => {
        const [status = '', code = ''] = key.split(' ');
        return { value, labels: { ...labels, status, code } };
      }),
    ]);
  }

  #latencies(): Iterable<MetricValue<string>> {
    return this.#each((cell, labels) => {
      if (cell.count === 0) return [];
      let sum = 0;
      const buckets = cell.buckets.map((count, at) => {
        sum += count;
        const le = BUCKETS_S[at] ?? '+Inf';
        return { metricName: `${LATENCY}_bucket`, value: sum, labels: { le, ...labels } };
      });
      return [
        ...buckets,
        { metricName: `${LATENCY}_sum`, value: cell.sumSeconds, labels },
        { metricName: `${LATENCY}_count`, value: cell.count, labels },
      ];
    });
  }

  #connections(): Iterable<MetricValue<string>> {
    return this.#each((cell, labels) => [
      ...(cell.carried > 0
        ? [{ value: cell.carried, labels: { ...labels, outcome: 'carried' } }]
        : []),
      ...(cell.failed > 0
        ? [{ value: cell.failed, labels: { ...labels, outcome: 'failed' } }]
        : []),
    ]);
  }
}
