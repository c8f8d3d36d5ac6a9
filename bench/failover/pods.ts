/**
 * The pods of one cluster for one system, in a process of their own: `node pods.ts CLUSTER COLD HOST…`. Each
 * serves as many requests at once as it has slots and lets others wait; one that has just started is cold.
 */
import http, { type ServerResponse } from 'node:http';
import { POD, POD_PORT } from './scenarios.ts';

/** What pods are told; each order is answered with {@link PodsReport}. */
export interface PodsOrder {
  readonly be: 'well' | 'silent' | 'slow' | 'same';
}

/** What they have seen so far. */
export interface PodsReport {
  readonly served: number;
  /** Requests that came when all slots were taken and as many waited as may, since they were last made well, or came up. */
  readonly beyond: number;
}

const [cluster = '', cold = '', ...hosts] = process.argv.slice(2);
const startedMs = performance.now() - (cold === 'cold' ? 0 : POD.coldForMs);
let state: PodsOrder['be'] = 'well';
let served = 0;
let beyond = 0;

/** 0 for one that has just come up, 1 for one that is warm. */
function warmth(): number {
  return Math.min(1, (performance.now() - startedMs) / POD.coldForMs);
}

function between(from: number, to: number): number {
  return from + (to - from) * warmth();
}

class Pod {
  readonly #queue: ServerResponse[] = [];
  #busy = 0;

  take(response: ServerResponse): void {
    const slots = Math.floor(between(POD.coldSlots, POD.slots));
    if (state === 'silent') return;
    if (this.#busy < slots) this.#serve(response);
    else {
      if (this.#queue.length >= POD.queueMax) beyond += 1;
      this.#queue.push(response);
    }
  }

  #serve(response: ServerResponse): void {
    this.#busy += 1;
    const factor = state === 'slow' ? POD.brownoutFactor : 1;
    setTimeout(() => {
      this.#busy -= 1;
      served += 1;
      response.writeHead(200, { 'content-type': 'text/plain' }).end(cluster);
      const next = this.#queue.shift();
      if (next !== undefined) this.#serve(next);
    }, between(POD.coldTakesMs, POD.takesMs) * factor);
  }
}

const servers = hosts.map((host) => {
  const pod = new Pod();
  const server = http.createServer((request, response) => {
    request.resume();
    if (request.url === '/healthz' && state !== 'silent') response.end('well');
    else pod.take(response);
  });
  server.keepAliveTimeout = 60_000;
  return { server, host };
});
await Promise.all(
  servers.map(
    ({ server, host }) =>
      new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(POD_PORT, host, 1_024, () => resolve());
      }),
  ),
);
process.once('disconnect', () => process.exit(0));
process.on('message', ({ be }: PodsOrder) => {
  if (be !== 'same') {
    // Whoever hung in a silent pod is cut off when it wakes, as by a restart.
    if (state === 'silent') for (const { server } of servers) server.closeAllConnections();
    if (be === 'well') beyond = 0;
    state = be;
  }
  process.send?.({ served, beyond } satisfies PodsReport);
});
process.send?.('ready');
