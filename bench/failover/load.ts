/**
 * An open loop of GETs over kept-alive connections, in a process of its own: requests leave on time, whatever
 * became of those before, and nothing is sent twice. Tells what each of them got.
 */
import http from 'node:http';
import net, { type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Address } from '#core/network.ts';
import { REQUESTS_PER_SECOND } from './scenarios.ts';

/** Where and how long. */
export interface FailoverOrder {
  /** A new connection goes to one of these at random. */
  readonly targets: readonly Address[];
  readonly totalMs: number;
}

/** From now on new connections go to one of these; established ones are left alone, as by kube-proxy. */
export interface FailoverTargets {
  readonly targets: readonly Address[];
}

/**
 * One request: when it was due, in ms from the start, how long it took, and what answered, '' if it failed; the host
 * its connection goes to, and whether it was the first on it.
 */
export type FailoverSample = readonly [
  dueMs: number,
  latencyMs: number,
  cluster: string,
  host: string,
  first: boolean,
];

/** Who waits longer has given up. */
const TIMEOUT_MS = 10_000;
const TICK_MS = 1;

let targets: readonly Address[] = [];

/** Connections kept alive, each to the target it was opened to. */
class Connections extends http.Agent {
  readonly #hosts = new WeakMap<Duplex, string>();

  override createConnection(): Socket {
    const target = targets[Math.floor(Math.random() * targets.length)] as Address;
    const socket = net.connect({ ...target, noDelay: true });
    this.#hosts.set(socket, target.host);
    return socket;
  }

  hostOf(socket: Duplex): string {
    return this.#hosts.get(socket) ?? '';
  }
}

function run({ totalMs }: FailoverOrder): Promise<FailoverSample[]> {
  const samples: FailoverSample[] = [];
  const agent = new Connections({ keepAlive: true, maxSockets: 1_000 });
  const startMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<FailoverSample[]>();
  let sent = 0;
  let pending = 0;
  let isOver = false;
  const ask = (dueMs: number) => {
    pending += 1;
    let isTold = false;
    let host = '';
    const tell = (cluster: string) => {
      if (isTold) return;
      isTold = true;
      pending -= 1;
      const latencyMs = performance.now() - startMs - dueMs;
      samples.push([dueMs, latencyMs, cluster, host, !request.reusedSocket]);
      if (isOver && pending === 0) resolve(samples);
    };
    const request = http.get(
      { host: 'target', path: `/${sent}`, agent, timeout: TIMEOUT_MS },
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
    request.on('socket', (socket) => {
      host = agent.hostOf(socket);
    });
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
process.on('message', (told: FailoverOrder | FailoverTargets) => {
  targets = told.targets;
  if ('totalMs' in told) void run(told).then((samples) => process.send?.(samples));
});
process.send?.('ready');
