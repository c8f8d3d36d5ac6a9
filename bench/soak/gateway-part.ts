/** A gateway worker as a part of the soak, with what can be asked of its process. */
import { readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { Registry } from 'prom-client';
import { systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { loopbackNetwork } from '#core/network.ts';
import { systemRandom } from '#core/random.ts';
import { Gateway } from '#gateway/gateway.ts';
import type { Snapshot } from '#gateway/snapshot/types.ts';
import type { Credentials } from '#identity/workload.ts';
import { answerQuestions } from './answers.ts';
import { Turns } from './turns.ts';

/** Memory of a process, in bytes. */
export interface MemoryFigures {
  readonly rssBytes: number;
  /** Highest since the last `memory` that asked for a new count. */
  readonly peakBytes: number;
  readonly heapBytes: number;
  readonly buffersBytes: number;
}

/** How a gateway is made. */
export interface GatewayStart {
  readonly cluster: string;
  readonly host: string;
  readonly credentials: Credentials;
}

const STANDING_EVERY_MS = 100;

/** Serves until the soak ends. */
export function begin(): void {
  const registry = new Registry();
  let gateway: Gateway | undefined;
  const turns = new Turns();
  let standing: NodeJS.Timeout | undefined;
  const running = (): Gateway => {
    if (gateway === undefined) throw new Error('not started');
    return gateway;
  };
  answerQuestions({
    async start({ cluster, host, credentials }: GatewayStart) {
      gateway = new Gateway({
        cluster,
        replica: `${cluster}-0`,
        worker: 0,
        host,
        version: '0.0.0-soak',
        epoch: `${cluster}-epoch`,
        clock: systemClock,
        random: systemRandom,
        log: silentLogger,
        network: loopbackNetwork,
        registry,
        credentials: () => credentials,
      });
      await gateway.start();
    },
    update: (snapshot: Snapshot) => running().update(snapshot),
    connected: (cluster: string) => running().peers.tunnels(cluster)?.connected === true,
    weight: ({ cluster, name }: { cluster: string; name: string }) =>
      running().peers.candidate(cluster, name).weight,
    memory: (restart: boolean) => memory(restart),
    beginTurns: () => turns.begin(),
    endTurns: () => turns.end(),
    /** Stands still again and again, as a gateway would that reads too much in one turn; until asked with 0. */
    standStill(ms: number) {
      clearInterval(standing);
      if (ms > 0) standing = setInterval(() => spin(ms), STANDING_EVERY_MS);
    },
    /** Begins, or ends and writes to `file`, a profile of what CPU is spent on. */
    profile: (file: string | undefined) => profile(file),
    async refused() {
      const metric = await registry.getSingleMetric('isthmus_refused_total')?.get();
      const counts: Record<string, number> = {};
      for (const { labels, value } of metric?.values ?? []) {
        counts[`${labels['source']} ${labels['rule']}`] = value;
      }
      return counts;
    },
  });
}

function memory(restart: boolean): MemoryFigures {
  // The second takes what the first one's finalizers let go.
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const status = readFileSync('/proc/self/status', 'utf8');
  const peakBytes = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1_024;
  if (restart) writeFileSync('/proc/self/clear_refs', '5');
  return { rssBytes: rss, peakBytes, heapBytes: heapUsed, buffersBytes: external };
}

function spin(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

let session: Session | undefined;

async function profile(file: string | undefined): Promise<void> {
  if (file === undefined) {
    session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    return;
  }
  const result = await session?.post('Profiler.stop');
  session?.disconnect();
  writeFileSync(file, JSON.stringify(result?.profile));
}
