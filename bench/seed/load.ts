/**
 * Asks, in a process of its own, and tells what each request got: a new connection for each, time to the
 * first byte of the answer. Told what to do over its channel.
 */
import net from 'node:net';
import { BURSTS, type ExperimentName, OPEN_PER_SECOND } from './experiment.ts';

/** Where, how and for how long. */
export interface SeedOrder {
  readonly experiment: ExperimentName;
  /** Taken in turns. */
  readonly targets: readonly { readonly host: string; readonly port: number }[];
  readonly totalMs: number;
  /** When to begin, as wall time: bursts of policies that are measured together must not meet. */
  readonly beginMs: number;
}

/** One request: when it was due, in ms from the start, how long it took, whether it was answered below 500. */
export type SeedSample = readonly [dueMs: number, latencyMs: number, ok: boolean];

/** What was still under way so long after the end counts as failed. */
const LATE_MS = 2_500;
const OPEN_TICK_MS = 1;
const REQUEST = 'GET / HTTP/1.1\r\nHost: seed\r\nConnection: close\r\n\r\n';
/** `HTTP/1.1 200` */
const STATUS_AT = 9;

function run(order: SeedOrder): Promise<SeedSample[]> {
  const { experiment, targets, totalMs } = order;
  const samples: SeedSample[] = [];
  const startMs = performance.now();
  let next = 0;
  let pending = 0;
  let isOver = false;
  const { promise, resolve } = Promise.withResolvers<SeedSample[]>();
  const ask = (dueMs: number, done: () => void) => {
    const target = targets[next % targets.length] as { host: string; port: number };
    next += 1;
    pending += 1;
    let isTold = false;
    const socket = net.connect(target.port, target.host);
    const tell = (ok: boolean) => {
      if (isTold) return;
      isTold = true;
      pending -= 1;
      samples.push([dueMs, performance.now() - startMs - dueMs, ok]);
      done();
      if (isOver && pending === 0) resolve(samples);
    };
    socket.setNoDelay(true);
    socket.write(REQUEST);
    socket.once('data', (bytes: Buffer) =>
      tell(Number(bytes.toString('latin1', STATUS_AT, STATUS_AT + 3)) < 500),
    );
    socket.on('data', () => undefined);
    socket.once('error', () => tell(false));
    socket.once('close', () => tell(false));
  };
  const timer = experiment === 'policies' ? burst(ask, startMs) : open(ask, startMs);
  setTimeout(() => {
    clearInterval(timer);
    isOver = true;
    if (pending === 0) resolve(samples);
    setTimeout(() => resolve(samples), LATE_MS);
  }, totalMs);
  return promise;
}

type Ask = (dueMs: number, done: () => void) => void;

/** Fifty workers, all at once; a tick that finds a worker busy is remembered, one and no more. */
function burst(ask: Ask, startMs: number): NodeJS.Timeout {
  const busy = new Array<boolean>(BURSTS.workers).fill(false);
  const missed = new Array<boolean>(BURSTS.workers).fill(false);
  const work = (worker: number) => {
    busy[worker] = true;
    ask(performance.now() - startMs, () => {
      busy[worker] = false;
      if (!missed[worker]) return;
      missed[worker] = false;
      work(worker);
    });
  };
  return setInterval(() => {
    for (let worker = 0; worker < BURSTS.workers; worker += 1) {
      if (busy[worker]) missed[worker] = true;
      else work(worker);
    }
  }, BURSTS.periodMs);
}

/** On time, whatever became of those before; latency counts from when a request was due. */
function open(ask: Ask, startMs: number): NodeJS.Timeout {
  let sent = 0;
  return setInterval(() => {
    const nowMs = performance.now() - startMs;
    for (; (sent * 1_000) / OPEN_PER_SECOND <= nowMs; sent += 1)
      ask((sent * 1_000) / OPEN_PER_SECOND, () => undefined);
  }, OPEN_TICK_MS);
}

process.once('disconnect', () => process.exit(0));
process.on('message', (order: SeedOrder) => {
  const begin = () => void run(order).then((samples) => process.send?.(samples));
  setTimeout(begin, order.beginMs - Date.now());
});
process.send?.('ready');
