/**
 * The pair of gateways as `isthmus dev` runs it: client → west gateway → mTLS → east gateway → pod.
 *
 * Requests per CPU-second is the measure, for time on a busy machine says little: the user and system
 * time of all gateway processes and their workers, read from /proc before and after.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { EAST, startDemo, WEST, waitForService } from '#cli/dev/demo.ts';
import { developmentNetwork } from '#cli/dev/network.ts';
import type { Io } from '#cli/io.ts';
import { percentile, rounded } from '#core/figures.ts';
import { formatAddress } from '#core/network.ts';
import { services } from '#kube/resources/builtin.ts';
import { networkFromSpec } from '#runtime/network.ts';
import { cpuMs, processTree } from './kit/cpu.ts';

const WARM_UP_SECONDS = 3;

/** One scenario's figures. */
export interface PairFigures {
  readonly connections: number;
  readonly requestsPerSecond: number;
  readonly requestsPerCpuSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly errors: number;
}

/** Boots two clusters and measures each number of connections for `seconds`. */
export async function benchPair(
  io: Io,
  connectionCounts: readonly number[],
  seconds: number,
): Promise<PairFigures[]> {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-bench-'));
  try {
    const networkSpec = await developmentNetwork(io, directory);
    const onProgress = (text: string) => io.err(`${text}\n`);
    const demo = await startDemo({ io, directory, link: true, networkSpec, onProgress });
    try {
      // backend-east lives in east alone, so every request crosses both gateways.
      const target = { namespace: 'shop', service: 'backend-east', port: 8080 };
      await waitForService(demo, WEST, target, io, networkSpec);
      const west = demo.cluster(WEST);
      const mirror = await west.client.get(services, target.service, target.namespace);
      const listener = mirror?.spec.ports?.[0]?.targetPort;
      const [gateway] = west.gateways;
      if (typeof listener !== 'number' || !gateway) throw new Error('backend-east has no listener');
      // Straight to the gateway: the stage's service proxy is not what is measured.
      const address = networkFromSpec(networkSpec).locate({ host: gateway.ip, port: listener });
      // A gateway is a process that watches and workers, its children, that carry the traffic.
      const pids = () =>
        processTree([WEST, EAST].flatMap((name) => demo.cluster(name).pids.gateways));
      const figures: PairFigures[] = [];
      for (const connections of connectionCounts) {
        onProgress(`pair: ${connections} connections, ${seconds} s …`);
        const origin = `http://${formatAddress(address)}`;
        await drive(io, origin, connections, WARM_UP_SECONDS);
        const cpuBeforeMs = cpuMs(pids());
        const { latencies, errors } = await drive(io, origin, connections, seconds);
        const cpu = (cpuMs(pids()) - cpuBeforeMs) / 1_000;
        latencies.sort((a, b) => a - b);
        figures.push({
          connections,
          requestsPerSecond: Math.round(latencies.length / seconds),
          requestsPerCpuSecond: Math.round(latencies.length / cpu),
          p50Ms: rounded(percentile(latencies, 0.5), 2),
          p99Ms: rounded(percentile(latencies, 0.99), 2),
          errors,
        });
      }
      return figures;
    } finally {
      await demo.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A closed loop: every connection sends its next request when it has its answer. */
async function drive(io: Io, origin: string, connections: number, seconds: number) {
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const endMs = io.clock.monotonicMs() + seconds * 1_000;
  const latencies: number[] = [];
  let errors = 0;
  const loop = async () => {
    for (let startMs = io.clock.monotonicMs(); startMs < endMs; ) {
      const { statusCode, body } = await pool.request({ path: '/', method: 'GET' });
      await body.dump();
      const nowMs = io.clock.monotonicMs();
      if (statusCode === 200) latencies.push(nowMs - startMs);
      else errors += 1;
      startMs = nowMs;
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  await pool.close();
  return { latencies, errors };
}
