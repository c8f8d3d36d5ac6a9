/**
 * What the embedded API server carries: objects, applies a second, watchers and how late they hear.
 *
 * One server process, one process that asks, over TLS as every client does. Applies are server-side applies of ConfigMaps with
 * labels, of which each changes a value.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'undici';
import type { Io } from '#cli/io.ts';
import { percentile, rounded } from '#core/figures.ts';
import { programPath } from '#runtime/package.ts';

/** How much is asked. */
export interface DevclusterWish {
  readonly objects: number;
  readonly watchers: number;
  /** How long applies are counted. */
  readonly seconds: number;
}

/** What was measured. Latencies run from before a write is sent to when a watcher has read the event. */
export interface DevclusterFigures {
  readonly objects: number;
  readonly heapBytesPerObject: number;
  /** While the objects were created, each by a server-side apply. */
  readonly createsPerSecond: number;
  /** With all objects there and nobody watching. */
  readonly appliesPerSecond: number;
  readonly appliesPerCpuSecond: number;
  readonly watchers: number;
  /** With every watcher hearing of every apply. */
  readonly watchedAppliesPerSecond: number;
  readonly eventsPerSecond: number;
  readonly eventP50Ms: number;
  readonly eventP99Ms: number;
  /** All objects, in pages of 500. */
  readonly listMs: number;
}

const CONNECTIONS = 32;
const NAMESPACES = 50;
/** Applies a second while latency is measured: a rate that no laptop is at its end with. */
const LATENCY_RATE = 50;

interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  readonly token: string;
  readonly agent: Agent;
}

interface Figures {
  readonly heapBytes: number;
  readonly cpuMs: number;
  readonly watches: number;
}

/** Starts a server, fills it, asks it, ends it. */
export async function benchDevcluster(io: Io, wish: DevclusterWish): Promise<DevclusterFigures> {
  const server = await start();
  const say = (text: string) => io.err(`devcluster: ${text}\n`);
  try {
    for (let index = 0; index < NAMESPACES; index += 1) {
      await call(server, 'POST', '/api/v1/namespaces', { metadata: { name: `bench-${index}` } });
    }
    const empty = await ask(server);
    say(`creating ${wish.objects} objects`);
    const beganMs = io.clock.monotonicMs();
    await inParallel(wish.objects, (index) => apply(server, index, 'first'));
    const createdMs = io.clock.monotonicMs() - beganMs;
    const full = await ask(server);
    const listMs = await listAll(io, server);
    say(`applying for ${wish.seconds} s`);
    const alone = await applyFor(io, server, wish, 'alone');
    say(`applying with ${wish.watchers} watchers`);
    const watchers = await Promise.all(
      Array.from({ length: wish.watchers }, () => Watcher.open(io, server)),
    );
    const heardBefore = sum(watchers.map((each) => each.heard));
    const watched = await applyFor(io, server, wish, 'watched');
    await untilQuiet(io, watchers);
    const heard = sum(watchers.map((each) => each.heard)) - heardBefore;
    say('measuring how late watchers hear');
    const latencies = await latency(io, server, watchers);
    for (const each of watchers) each.close();
    return {
      objects: wish.objects,
      heapBytesPerObject: Math.round((full.heapBytes - empty.heapBytes) / wish.objects),
      createsPerSecond: Math.round((wish.objects / createdMs) * 1_000),
      appliesPerSecond: alone.perSecond,
      appliesPerCpuSecond: alone.perCpuSecond,
      watchers: wish.watchers,
      watchedAppliesPerSecond: watched.perSecond,
      eventsPerSecond: Math.round(heard / (watched.ms / 1_000)),
      eventP50Ms: rounded(percentile(latencies, 0.5) ?? 0, 2),
      eventP99Ms: rounded(percentile(latencies, 0.99) ?? 0, 2),
      listMs: Math.round(listMs),
    };
  } finally {
    await server.agent.destroy();
    server.child.disconnect();
  }
}

async function start(): Promise<Server> {
  const child = fork(programPath('bench/devcluster/server-part'), {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [{ url, ca, token }] = (await once(child, 'message')) as [
    { url: string; ca: string; token: string },
  ];
  const agent = new Agent({
    connections: CONNECTIONS * 8,
    allowH2: false,
    connect: { ca },
    bodyTimeout: 0,
    headersTimeout: 0,
  });
  return { child, url, token, agent };
}

async function ask({ child }: Server): Promise<Figures> {
  child.send({});
  const [figures] = (await once(child, 'message')) as [Figures];
  return figures;
}

async function call(
  { url, token, agent }: Server,
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: unknown,
): Promise<string> {
  const type = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json';
  const answer = await request(`${url}${path}`, {
    method,
    dispatcher: agent,
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${text.slice(0, 300)}`);
  return text;
}

async function apply(server: Server, index: number, value: string): Promise<void> {
  const [name, namespace] = [`object-${index}`, `bench-${index % NAMESPACES}`];
  await call(
    server,
    'PATCH',
    `/api/v1/namespaces/${namespace}/configmaps/${name}?fieldManager=bench&force=true`,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace, labels: { app: name, 'app.kubernetes.io/part-of': 'bench' } },
      data: { value, weight: '10', url: `http://${name}.${namespace}.svc:8080/` },
    },
  );
}

/** Calls `each` for 0 to `count - 1`, {@link CONNECTIONS} at a time. */
async function inParallel(count: number, each: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await each(next - 1);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
}

/** Applies for a while; values begin with `phase`, for an apply that changes nothing writes nothing. */
async function applyFor(io: Io, server: Server, wish: DevclusterWish, phase: string) {
  const before = await ask(server);
  const beganMs = io.clock.monotonicMs();
  const untilMs = beganMs + wish.seconds * 1_000;
  let count = 0;
  const lane = async () => {
    while (io.clock.monotonicMs() < untilMs) {
      count += 1;
      await apply(server, (count * 7_919) % wish.objects, `${phase}-${count}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  const ms = io.clock.monotonicMs() - beganMs;
  const after = await ask(server);
  return {
    ms,
    perSecond: Math.round((count / ms) * 1_000),
    perCpuSecond: Math.round((count / (after.cpuMs - before.cpuMs)) * 1_000),
  };
}

async function listAll(io: Io, server: Server): Promise<number> {
  const beganMs = io.clock.monotonicMs();
  let token = '';
  do {
    const query = `limit=500${token === '' ? '' : `&continue=${token}`}`;
    const page = JSON.parse(await call(server, 'GET', `/api/v1/configmaps?${query}`));
    token = page.metadata.continue ?? '';
  } while (token !== '');
  return io.clock.monotonicMs() - beganMs;
}

/** One watch of every ConfigMap, which counts events and says which marks it reads. */
class Watcher {
  heard = 0;
  /** Absent: events are counted and not looked into, for the bench must not be what is measured. */
  onMark: ((mark: string) => void) | undefined;
  readonly #stop = new AbortController();

  static async open(io: Io, server: Server): Promise<Watcher> {
    const watcher = new Watcher();
    const { url, token, agent } = server;
    const list = JSON.parse(await call(server, 'GET', '/api/v1/configmaps?limit=1'));
    const answer = await request(
      `${url}/api/v1/configmaps?watch=true&resourceVersion=${list.metadata.resourceVersion}`,
      {
        dispatcher: agent,
        headers: { authorization: `Bearer ${token}` },
        signal: watcher.#stop.signal,
      },
    );
    const read = async () => {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) watcher.#take(chunk);
    };
    // Closing it is how a watch ends here; anything else is told.
    read().catch((error: unknown) => {
      if (!watcher.#stop.signal.aborted) io.err(`a watcher failed: ${String(error)}\n`);
    });
    return watcher;
  }

  close(): void {
    this.#stop.abort();
  }

  #take(chunk: Buffer): void {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) this.heard += 1;
    if (this.onMark === undefined) return;
    // At this rate an event is one chunk; a mark that two chunks share is not counted.
    for (const [, mark] of chunk.toString('latin1').matchAll(/"value":"(mark-\d+)"/g)) {
      if (mark !== undefined) this.onMark(mark);
    }
  }
}

async function latency(io: Io, server: Server, watchers: readonly Watcher[]): Promise<number[]> {
  const sentMs = new Map<string, number>();
  const latencies: number[] = [];
  for (const each of watchers) {
    each.onMark = (mark) =>
      latencies.push(io.clock.monotonicMs() - (sentMs.get(mark) ?? Number.NaN));
  }
  for (let index = 0; index < LATENCY_RATE * 3; index += 1) {
    const mark = `mark-${index}`;
    sentMs.set(mark, io.clock.monotonicMs());
    await apply(server, index, mark);
    await pause(io, 1_000 / LATENCY_RATE);
  }
  await untilQuiet(io, watchers);
  return latencies.sort((a, b) => a - b);
}

async function untilQuiet(io: Io, watchers: readonly Watcher[]): Promise<void> {
  let before = -1;
  for (let now = 0; now !== before; now = sum(watchers.map((each) => each.heard))) {
    before = now;
    await pause(io, 300);
  }
}

function pause(io: Io, ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
    io.signal.throwIfAborted();
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}
