/**
 * An open loop of GETs: requests leave on time, whatever became of those before them.
 *
 * Never retries. A connection error, a status of 500 or more, a body without a cluster name or no
 * answer in time is a failed request.
 */
import http from 'node:http';
import type { Clock, Timer } from '#core/clock.ts';
import { describeError } from '#core/errors.ts';
import type { Address } from '#core/network.ts';
import type { RequestRecord } from './record.ts';

const TICK_MS = 5;
const NO_ADDRESS = 'there is no such Service';
const BODY_BYTES_MAX = 64 * 1024;

export interface LoadOptions {
  readonly clock: Clock;
  /** Where requests go, asked for each; `undefined` while there is no such place: the request has failed then. */
  address(): Address | undefined;
  readonly path: string;
  /** What the `Host` header says. */
  readonly authority: string;
  readonly requestsPerSecond: number;
  readonly timeoutMs: number;
  readonly onRecord: (record: RequestRecord) => void;
}

/** A running load. */
export class Load {
  readonly #options: LoadOptions;
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #timer: Timer;
  readonly #startMs: number;
  #sent = 0;
  #pending = 0;
  #idle: (() => void) | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#startMs = options.clock.monotonicMs();
    this.#timer = options.clock.every(TICK_MS, () => this.#tick());
  }

  /** Sends nothing more; resolves when every request has its answer or has run out of time. */
  async stop(): Promise<void> {
    this.#timer.cancel();
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    this.#agent.destroy();
  }

  /** Sends nothing more and gives up what is under way. */
  abort(): void {
    this.#timer.cancel();
    this.#agent.destroy();
  }

  #tick(): void {
    const { clock, requestsPerSecond } = this.#options;
    const due = ((clock.monotonicMs() - this.#startMs) / 1_000) * requestsPerSecond;
    while (this.#sent < due) {
      this.#sent += 1;
      this.#send();
    }
  }

  #send(): void {
    const { clock, path, authority, timeoutMs, onRecord } = this.#options;
    const startMs = clock.monotonicMs();
    const address = this.#options.address();
    if (address === undefined) {
      onRecord({ startMs, endMs: startMs, cluster: undefined, failure: NO_ADDRESS });
      return;
    }
    this.#pending += 1;
    let over = false;
    const finish = (cluster: string | undefined, failure: string | undefined) => {
      if (over) return;
      over = true;
      timer.cancel();
      this.#pending -= 1;
      onRecord({ startMs, endMs: clock.monotonicMs(), cluster, failure });
      if (this.#pending === 0) this.#idle?.();
    };
    const request = http.get({
      ...address,
      path,
      agent: this.#agent,
      headers: { host: authority },
    });
    const timer = clock.after(timeoutMs, () => {
      finish(undefined, `no answer within ${timeoutMs} ms`);
      request.destroy();
    });
    request.on('error', (error) => finish(undefined, describeError(error)));
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > BODY_BYTES_MAX) request.destroy(new Error('the answer is too long'));
      });
      response.on('error', (error) => finish(undefined, describeError(error)));
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status >= 500) {
          finish(undefined, `status ${status}: ${body.slice(0, 200).trim()}`);
          return;
        }
        const cluster = clusterIn(body);
        finish(cluster, cluster === undefined ? `wrong body: ${body.slice(0, 80)}` : undefined);
      });
    });
  }
}

/** The `cluster` a sample pod names in its answer. */
function clusterIn(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || !('cluster' in value)) return undefined;
    return typeof value.cluster === 'string' ? value.cluster : undefined;
  } catch {
    return undefined;
  }
}
