/**
 * An open loop of GETs over kept-alive connections, in a process of its own: requests leave on time, whatever
 * became of those before, and nothing is sent twice. Tells what each of them got.
 */
import http from 'node:http';
import { REQUESTS_PER_SECOND } from './scenarios.ts';

/** Where and how long. */
export interface FailoverOrder {
  readonly host: string;
  readonly port: number;
  readonly totalMs: number;
}

/** One request: when it was due, in ms from the start, how long it took, and what answered; '' if it failed. */
export type FailoverSample = readonly [dueMs: number, latencyMs: number, cluster: string];

/** Who waits longer has given up. */
const TIMEOUT_MS = 10_000;
const TICK_MS = 1;

function run({ host, port, totalMs }: FailoverOrder): Promise<FailoverSample[]> {
  const samples: FailoverSample[] = [];
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1_000 });
  const startMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<FailoverSample[]>();
  let sent = 0;
  let pending = 0;
  let isOver = false;
  const ask = (dueMs: number) => {
    pending += 1;
    let isTold = false;
    const tell = (cluster: string) => {
      if (isTold) return;
      isTold = true;
      pending -= 1;
      samples.push([dueMs, performance.now() - startMs - dueMs, cluster]);
      if (isOver && pending === 0) resolve(samples);
    };
    const request = http.get(
      { host, port, path: `/${sent}`, agent, timeout: TIMEOUT_MS },
      (response) => {
        let text = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => tell(response.statusCode === 200 ? text : ''));
        response.on('error', () => tell(''));
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', () => tell(''));
  };
  const timer = setInterval(() => {
    const nowMs = performance.now() - startMs;
    for (; (sent * 1_000) / REQUESTS_PER_SECOND <= nowMs; sent += 1)
      ask((sent * 1_000) / REQUESTS_PER_SECOND);
  }, TICK_MS);
  setTimeout(() => {
    clearInterval(timer);
    isOver = true;
    if (pending === 0) resolve(samples);
  }, totalMs);
  return promise.finally(() => agent.destroy());
}

process.once('disconnect', () => process.exit(0));
process.on('message', (order: FailoverOrder) => {
  void run(order).then((samples) => process.send?.(samples));
});
process.send?.('ready');
