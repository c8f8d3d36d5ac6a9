/**
 * What all workers ever told of requests of one service as one cluster answers them, and how Prometheus reads it.
 */

import { ANSWERS_MAX, BUCKETS_S, hundred, type RequestRow } from './requests.ts';
import { Family, labelled } from './text.ts';

interface Answers {
  readonly labels: string;
  count: number;
}

/** The sum of all rows of one service and cluster: no number in it ever falls. */
export class RequestTotal {
  readonly #service: string;
  readonly #cluster: string;
  readonly #labels: string;
  readonly #answers = new Map<string, Answers>();
  readonly #buckets = new Array<number>(BUCKETS_S.length + 1).fill(0);
  #sumSeconds = 0;
  #retries = 0;
  #hedges = 0;
  #carried = 0;
  #failed = 0;

  constructor(service: string, cluster: string) {
    this.#service = service;
    this.#cluster = cluster;
    this.#labels = labelled({ service, cluster });
  }

  add(row: RequestRow): void {
    for (const [status, code, count] of row.answers) this.#answer(status, code).count += count;
    for (const [at, count] of row.buckets.entries())
      this.#buckets[at] = (this.#buckets[at] ?? 0) + count;
    this.#sumSeconds += row.sumSeconds;
    this.#retries += row.retries;
    this.#hedges += row.hedges;
    this.#carried += row.carried;
    this.#failed += row.failed;
  }

  write(to: RequestFamilies): void {
    for (const { labels, count } of this.#answers.values()) to.requests.add(labels, count);
    if (this.#answers.size > 0) this.#writeLatency(to.latency);
    if (this.#retries > 0) to.retries.add(this.#labels, this.#retries);
    if (this.#hedges > 0) to.hedges.add(this.#labels, this.#hedges);
    const outcomes = { carried: this.#carried, failed: this.#failed };
    for (const [outcome, count] of Object.entries(outcomes))
      if (count > 0) to.connections.add(`${this.#labels},outcome="${outcome}"`, count);
  }

  #writeLatency(latency: Family): void {
    let sum = 0;
    for (const [at, count] of this.#buckets.entries()) {
      sum += count;
      latency.add(`le="${BUCKETS_S[at] ?? '+Inf'}",${this.#labels}`, sum, '_bucket');
    }
    latency.add(this.#labels, this.#sumSeconds, '_sum');
    latency.add(this.#labels, sum, '_count');
  }

  #answer(status: number, code: string): Answers {
    const known = this.#answers.get(`${status} ${code}`);
    if (known !== undefined) return known;
    // Where there are enough, the first ones stay, and the rest is told by its hundred.
    const as = this.#answers.size < ANSWERS_MAX || status < 10 ? status : hundred(status);
    const key = `${as} ${code}`;
    let answers = this.#answers.get(key);
    if (answers === undefined) {
      const text = as > 0 && as < 10 ? `${as}xx` : String(as);
      const [service, cluster] = [this.#service, this.#cluster];
      answers = { labels: labelled({ service, cluster, status: text, code }), count: 0 };
      this.#answers.set(key, answers);
    }
    return answers;
  }
}

/** The metrics of a page that tell of requests. */
export class RequestFamilies {
  readonly requests = new Family(
    'isthmus_requests_total',
    'counter',
    'Requests answered, by service, by the cluster that answered (empty: none) and by status.',
  );
  readonly latency = new Family(
    'isthmus_request_duration_seconds',
    'histogram',
    'From the head of a request to the end of its answer.',
  );
  readonly retries = new Family(
    'isthmus_retries_total',
    'counter',
    'Attempts after a failed one, by the cluster that answered in the end.',
  );
  readonly hedges = new Family(
    'isthmus_hedges_total',
    'counter',
    'Second attempts beside a slow first one, by the cluster that answered in the end.',
  );
  readonly connections = new Family(
    'isthmus_opaque_connections_total',
    'counter',
    'Opaque connections, by service, by the cluster that took them, and outcome.',
  );

  get text(): string {
    return [this.requests, this.latency, this.retries, this.hedges, this.connections]
      .map(({ text }) => text)
      .join('');
  }
}
